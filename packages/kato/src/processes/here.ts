import { rolesOf, type Home, type RoleName } from '@harbor/config';
import { HarborError } from '@harbor/core';
import { PROCESSES, resolveNames, type ProcessName } from './catalogue.js';

/** True where a process belongs to a role that the home has. Errors: HARBOR_CONFIG_INVALID. */
export function isHere(home: Home, process: ProcessName): boolean {
  const role = roleOf(process);
  return role !== undefined && rolesOf(home).includes(role);
}

function roleOf(process: ProcessName): RoleName | undefined {
  return PROCESSES.find(({ name }) => name === process)?.role;
}

/**
 * What names stand for on this machine; no names stand for all that its roles consist of.
 * Errors: HARBOR_PROCESS_UNKNOWN; HARBOR_ROLE_REMOVED where what is named belongs to a role that it has not.
 */
export function processesHere(home: Home, names: readonly string[]): ProcessName[] {
  const named = resolveNames(names);
  const here = named.filter((name) => isHere(home, name));
  const serves = rolesOf(home).includes('harbor');
  const removed = names.length > 0 && !serves ? named.find((name) => roleOf(name) === 'harbor') : undefined;
  const elsewhere = names.find((name) => resolveNames([name]).every((each) => !here.includes(each)));
  const missing = removed ?? elsewhere;
  if (missing)
    throw new HarborError(
      'HARBOR_ROLE_REMOVED',
      `${missing} is not started: this machine has not the role ${removed ? 'harbor' : 'core'}`,
    );
  return here;
}
