import { Bus, type BusOptions } from '@harbor/bus';
import {
  ensureHome,
  ensureSecrets,
  loadSettings,
  makeSecrets,
  natsAccess,
  openHome,
  readCore,
  readSecrets,
  redisUrl,
  secretsOfCore,
  type Home,
  type Overlay,
  type Secrets,
  type Settings,
} from '@harbor/config';
import { firstExternalIPv4 } from '@harbor/machine';
import { HarborError } from '@harbor/core';
import { Store } from '@harbor/store';
import type { CoreRecord } from '@harbor/wire';
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** Where a process or a command stands: its home, its secrets, and how settings are read there. */
export interface Place {
  readonly home: Home;
  /** True before the home's first start: nothing is there, and its secrets are nobody's. */
  readonly isNew: boolean;
  readonly secrets: Secrets;
  /** The core this home is attached to; undefined where it has servers of its own. */
  readonly core?: CoreRecord | undefined;
  /** Names this home to a core, and tells nobody anything else. */
  readonly identity: string;
  /** Errors: HARBOR_CONFIG_INVALID, with all problems at once. */
  readonly load: (overlay: Overlay) => Settings;
}

/** Opens the home the environment names, and makes what is missing in it. Errors: HARBOR_HOME_UNUSABLE. */
export function openPlace(env: NodeJS.ProcessEnv): Place {
  const home = openHome(env);
  return using(home, () => {
    ensureHome(home);
    return placeOf(env, home, ensureSecrets(home, randomBytes), false);
  });
}

/**
 * The same for who only looks: nothing is made, not even the home; `tell` hears it where there is nothing yet.
 * Errors: HARBOR_HOME_UNUSABLE.
 */
export function viewPlace(env: NodeJS.ProcessEnv, tell: (what: string) => void = () => undefined): Place {
  const home = openHome(env);
  return using(home, () => {
    const own = readSecrets(home);
    if (!own) tell(`nothing of Harbor is in ${home.dir} yet; to start it there: kato start`);
    return placeOf(env, home, own ?? makeSecrets(randomBytes), own === undefined);
  });
}

/** Says what the file system says of a home as what it is: not ours to report, but the user's to mend. */
function using(home: Home, open: () => Place): Place {
  try {
    return open();
  } catch (thrown) {
    if (!(thrown instanceof Error && 'syscall' in thrown)) throw thrown;
    const message = `${home.dir} cannot be used: ${thrown.message}`;
    throw new HarborError('HARBOR_HOME_UNUSABLE', message, { cause: thrown });
  }
}

function placeOf(env: NodeJS.ProcessEnv, home: Home, own: Secrets, isNew: boolean): Place {
  const core = readCore(home);
  const secrets = core ? secretsOfCore(core) : own;
  const identity = createHash('sha256').update(`node ${own.gateway_token}`).digest('base64url');
  const defaults = { host: firstExternalIPv4() ?? '127.0.0.1' };
  const load = (overlay: Overlay): Settings => loadSettings({ env, home, overlay, secrets, defaults, core });
  return { home, isNew, secrets, core, identity, load };
}

/** The store the settings name. Errors: HARBOR_CONFIG_INVALID where its `ca` cannot be read. */
export function openStore(place: Place, settings: Settings, onError: (error: Error) => void): Store {
  const ca = trusted(place, settings, 'harbor_redis');
  const url = redisUrl(settings, place.secrets);
  return new Store({ url, ...(ca === undefined ? {} : { ca }), onError });
}

/** The bus the settings name. Errors: HARBOR_CONFIG_INVALID; HARBOR_NATS_UNAVAILABLE, unless it waits. */
export async function openBus(
  place: Place,
  settings: Settings,
  options: Pick<BusOptions, 'name' | 'waitForServer' | 'patience' | 'events'>,
): Promise<Bus> {
  const ca = trusted(place, settings, 'nats_server');
  return Bus.open({
    ...natsAccess(settings, place.secrets),
    ...(ca === undefined ? {} : { ca }),
    ...options,
  });
}

/**
 * The certificates (PEM) that servers of the operator's own have to be signed by; undefined where it is those
 * Node.js knows, and where the servers are Harbor's own. A node uses the core's servers with the core's.
 * Read when it is needed, so that a certificate that was renewed counts from the next connection on.
 * Errors: HARBOR_CONFIG_INVALID.
 */
export function trusted(
  { core }: Place,
  settings: Settings,
  component: 'harbor_redis' | 'nats_server',
): string | undefined {
  const { url, ca: file } = settings[component];
  if (url === null) return undefined;
  if (file !== null) return readCertificates(component, file);
  if (!core) return undefined;
  const { redis_url, redis_ca, nats_url, nats_ca } = core.access;
  const [its, ca] = component === 'harbor_redis' ? [redis_url, redis_ca] : [nats_url, nats_ca];
  return its === url ? (ca ?? undefined) : undefined;
}

function readCertificates(component: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new HarborError('HARBOR_CONFIG_INVALID', `${component} ca cannot be read: ${reason}`, { cause });
  }
}
