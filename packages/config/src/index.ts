export { isOfTheNode, readCore, removeCore, secretsOfCore, writeCore } from './core-file.js';
export { readConfigFile, writeFileValue } from './file.js';
export { allowedBy } from './formats.js';
export { ensureHome, homeHash, openHome, realHome, type Home } from './home.js';
export { closest, configError, type ConfigProblem } from './problems.js';
export { configurationReference } from './reference.js';
export { describeKeys, SCHEMA, type Component, type KeyDescription, type Settings } from './schema.js';
export { ensureSecrets, makeSecrets, readSecrets, type Secrets } from './secrets.js';
export { ROLES, rolesOf, writeHarborRole, type RoleName } from './roles-file.js';
export {
  gatewayUrl,
  NATS_USER,
  natsAccess,
  natsUrl,
  redisUrl,
  withoutLogin,
  type NatsAccess,
} from './servers.js';
export { findKey, loadSettings, parseValue, type Overlay, type SettingsInput } from './settings.js';
