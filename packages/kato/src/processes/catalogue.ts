import { HarborError } from '@harbor/core';

/** A process that kato looks after. */
export interface ProcessEntry {
  readonly name: ProcessName;
  readonly role: RoleName;
  /** Processes that must serve before this one is started. */
  readonly needs: readonly ProcessName[];
}

export type RoleName = 'base' | 'harbor';
export type ProcessName =
  'nats_server' | 'harbor_redis' | 'harbor_proxy_connector' | 'harbor_node' | 'harbor_gateway';

const SERVERS: readonly ProcessName[] = ['harbor_redis', 'nats_server'];

/** Every process, in the order of the listings. */
export const PROCESSES: readonly ProcessEntry[] = [
  // Its settings may have been set with `kato config set`, which Redis keeps.
  { name: 'nats_server', role: 'base', needs: ['harbor_redis'] },
  { name: 'harbor_redis', role: 'harbor', needs: [] },
  { name: 'harbor_proxy_connector', role: 'harbor', needs: SERVERS },
  { name: 'harbor_node', role: 'harbor', needs: SERVERS },
  { name: 'harbor_gateway', role: 'harbor', needs: SERVERS },
];

/** What runs on a node that is attached to a core. */
export const ON_A_NODE: readonly ProcessName[] = ['harbor_proxy_connector', 'harbor_node'];

export const ROLES: readonly RoleName[] = ['base', 'harbor'];

/**
 * The processes that names of roles and processes stand for, in order; no names stand for all.
 * Errors: HARBOR_PROCESS_UNKNOWN.
 */
export function resolveNames(names: readonly string[]): ProcessName[] {
  const known = [...ROLES, ...PROCESSES.map(({ name }) => name)];
  for (const name of names) {
    if ((known as string[]).includes(name)) continue;
    throw new HarborError(
      'HARBOR_PROCESS_UNKNOWN',
      `no process or role ${name}; there are ${known.join(', ')}`,
    );
  }
  return PROCESSES.filter(
    ({ name, role }) => names.length === 0 || names.includes(name) || names.includes(role),
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
