import type { RoleName } from '@harbor/config';
import { HarborError } from '@harbor/core';

/** A process that kato looks after. */
export interface ProcessEntry {
  readonly name: ProcessName;
  readonly role: RoleName;
  /** Processes that must serve before this one is started. */
  readonly needs: readonly ProcessName[];
}

export type ProcessName =
  'nats_server' | 'harbor_redis' | 'harbor_proxy_connector' | 'harbor_node' | 'harbor_gateway';

const SERVERS: readonly ProcessName[] = ['harbor_redis', 'nats_server'];

/** Every process, in the order of the listings. */
export const PROCESSES: readonly ProcessEntry[] = [
  // Its settings may have been set with `kato config set`, which Redis keeps.
  { name: 'nats_server', role: 'core', needs: ['harbor_redis'] },
  { name: 'harbor_redis', role: 'core', needs: [] },
  { name: 'harbor_proxy_connector', role: 'harbor', needs: SERVERS },
  { name: 'harbor_node', role: 'harbor', needs: SERVERS },
  { name: 'harbor_gateway', role: 'core', needs: SERVERS },
];

/** What a role consists of, in the order of the listings. */
export function processesOf(role: RoleName): ProcessName[] {
  return PROCESSES.filter((entry) => entry.role === role).map(({ name }) => name);
}

/** What may be started and stopped together. `harbor` is all of Harbor's own, as a machine alone has it. */
export const GROUPS: Readonly<Record<string, readonly ProcessName[]>> = {
  base: ['nats_server'],
  core: processesOf('core'),
  harbor: ['harbor_redis', 'harbor_proxy_connector', 'harbor_node', 'harbor_gateway'],
};

/**
 * The processes that names of groups and processes stand for, in order; no names stand for all.
 * Errors: HARBOR_PROCESS_UNKNOWN.
 */
export function resolveNames(names: readonly string[]): ProcessName[] {
  const known = [...Object.keys(GROUPS), ...PROCESSES.map(({ name }) => name)];
  for (const name of names) {
    if (known.includes(name)) continue;
    throw new HarborError(
      'HARBOR_PROCESS_UNKNOWN',
      `no process or group ${name}; there are ${known.join(', ')}`,
    );
  }
  return PROCESSES.filter(
    ({ name }) =>
      names.length === 0 || names.some((named) => named === name || GROUPS[named]?.includes(name)),
  ).map(({ name }) => name);
}

/** Groups to be ended one after the other: first those that nobody needs. */
export function stopOrder(names: readonly ProcessName[]): ProcessName[][] {
  const depth = (name: ProcessName): number => {
    const needs = PROCESSES.find((entry) => entry.name === name)?.needs ?? [];
    return Math.max(0, ...needs.map((each) => depth(each) + 1));
  };
  const deepest = Math.max(0, ...names.map(depth));
  return Array.from({ length: deepest + 1 }, (_, at) => names.filter((name) => depth(name) === deepest - at));
}
