import { rolesOf, type Home } from '@harbor/config';
import { HarborError } from '@harbor/core';
import { PROCESSES, resolveNames, type ProcessName } from './catalogue.js';

/** True where a process belongs to a role that the home has. Errors: HARBOR_CONFIG_INVALID. */
export function isHere(home: Home, process: ProcessName): boolean {
  const roles = rolesOf(home);
  return PROCESSES.some(({ name, role }) => name === process && roles.includes(role));
}

/**
 * What names stand for on this machine; no names stand for all that its roles consist of.
 * Errors: HARBOR_PROCESS_UNKNOWN; HARBOR_ROLE_REMOVED where what is named belongs to a role that was removed.
 */
export function processesHere(home: Home, names: readonly string[]): ProcessName[] {
  const named = resolveNames(names);
  const here = named.filter((name) => isHere(home, name));
  const serves = rolesOf(home).includes('harbor');
  const removed = named.find(
    (name) => !serves && PROCESSES.some((it) => it.name === name && it.role === 'harbor'),
  );
  if (names.length > 0 && removed !== undefined)
    throw new HarborError(
      'HARBOR_ROLE_REMOVED',
      `${removed} is not started: this machine has not the role harbor`,
    );
  return here;
}
