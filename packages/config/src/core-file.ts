import { coreRecord, parseJson, type CoreRecord } from '@harbor/wire';
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Home } from './home.js';
import type { Secrets } from './secrets.js';

/**
 * What an attached node does not take from `kato config set`, which is the whole cluster's: how it is
 * reached itself, and where on it the core's servers are found.
 */
const OF_THE_NODE: readonly string[] = [
  'harbor_node.node_id',
  'harbor_node.group',
  'harbor_node.host',
  'harbor_node.hostname',
  'harbor_node.host_external',
  'harbor_node.hostname_external',
  'harbor_proxy_connector.bind_host',
  'nats_server.port',
  'nats_server.url',
  'nats_server.ca',
  'harbor_gateway.host',
  'harbor_gateway.port',
];

/** True where an attached node has its own value of a key, `component.key`: in etc/harbor.yaml. */
export function isOfTheNode(id: string): boolean {
  return OF_THE_NODE.includes(id);
}

/** The core a home is attached to; undefined where it is its own. Errors: HARBOR_CONFIG_INVALID. */
export function readCore(home: Home): CoreRecord | undefined {
  const path = pathIn(home);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw cause;
  }
  return parseJson(coreRecord, text, 'HARBOR_CONFIG_INVALID', path);
}

/** Attaches the home: whole or not at all, for its owner only. */
export function writeCore(home: Home, core: CoreRecord): void {
  const path = pathIn(home);
  writeFileSync(`${path}.new`, `${JSON.stringify(core, null, 2)}\n`, { mode: 0o600, flush: true });
  renameSync(`${path}.new`, path);
}

/** Makes the home its own again. */
export function removeCore(home: Home): void {
  rmSync(pathIn(home), { force: true });
}

/** The secrets of an attached home: the core's. */
export function secretsOfCore({ access }: CoreRecord): Secrets {
  const { redis_password, nats_password, gateway_token, gateway_username, gateway_password } = access;
  return { redis_password, nats_password, gateway_token, gateway_username, gateway_password };
}

function pathIn(home: Home): string {
  return join(home.var, 'core.json');
}
