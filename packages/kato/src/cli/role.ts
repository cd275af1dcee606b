import { rolesOf, ROLES, writeHarborRole } from '@harbor/config';
import { shellWord, HarborError } from '@harbor/core';
import { liveSettings, type Place } from '@harbor/runtime';
import { note, say, sayJson, table } from '@harbor/terminal';
import { forget, requireEmpty } from '../cluster/owned.js';
import { withWayToCore } from '../cluster/way.js';
import { processesOf } from '../processes/catalogue.js';
import { connectSupervisor } from '../supervisor/index.js';
import { tell } from './change.js';
import { orForced } from './forced.js';
import type { LeaveOptions } from './node-leave.js';
import { flushRules } from './rules.js';
import { readRoles, type Status } from './status.js';

/** What `kato role info --json` prints. */
export interface RoleInfo extends Pick<Status, 'node_id' | 'roles'> {
  /** The address of the core this machine is attached to; null where it has servers of its own. */
  readonly core: string | null;
}

/** `kato role info`: what this machine does, with the processes of each role. */
export async function roleInfo(place: Place, { json }: { readonly json?: boolean }): Promise<void> {
  const { settings } = await liveSettings(place);
  const { node_id } = settings.harbor_node;
  const found: RoleInfo = { node_id, core: place.core?.host ?? null, roles: await readRoles(place) };
  if (json) {
    sayJson(found);
    return;
  }
  const rows = found.roles.flatMap(({ name: role, processes }) =>
    processes.map(({ name, state }) => [role, name, state]),
  );
  say(table([['role', 'process', 'state'], ...rows]));
  if (found.core !== null) say(`${node_id} is attached to the core at ${found.core}`);
  if (!rolesOf(place.home).includes('harbor'))
    say('this machine serves no ports; to have it serve them: kato role add harbor');
}

/**
 * `kato role remove harbor`: this machine serves no ports any more, also after it was started anew. What the
 * cluster needs of a core goes on. Doing it again finishes what was cut short.
 * Errors: HARBOR_USAGE; HARBOR_NODE_IN_USE, HARBOR_REDIS_UNAVAILABLE, without `force`: nothing is changed then.
 */
export async function roleRemove(place: Place, role: string, { force = false }: LeaveOptions): Promise<void> {
  requireHarbor(role);
  await withWayToCore(place, async () => {
    const { settings } = await liveSettings(place);
    const { node_id } = settings.harbor_node;
    await orForced(force, async () => {
      await requireEmpty(place, node_id, force);
    });
    writeHarborRole(place.home, false);
    await (await connectSupervisor(place))?.stop(processesOf('harbor'), tell);
    await orForced(true, flushRules);
    await orForced(force, async () => {
      // Asked again: it may have got one until it was stopped.
      const left = await requireEmpty(place, node_id, true);
      if (left > 0)
        note(`its services stay, unreachable, until: kato node migrate ${shellWord(node_id)} NEW`);
      // An attached node stays known, by its home: its id is not for another one.
      else if (!place.core) await forget(place, node_id);
    });
    say(`this machine has no longer the role harbor; to bring it back: kato role add harbor`);
  });
}

/** `kato role add harbor`: this machine serves ports again, at once where Harbor runs. Errors: HARBOR_USAGE, those of start. */
export async function roleAdd(place: Place, role: string): Promise<void> {
  requireHarbor(role);
  writeHarborRole(place.home, true);
  const supervisor = await connectSupervisor(place);
  await supervisor?.start(processesOf('harbor'), tell);
  say(`this machine has the role harbor${supervisor ? '' : '; to start it: kato start'}`);
}

/** A core without its servers is none: that role comes and goes with the home. */
function requireHarbor(role: string): void {
  if (role === 'harbor') return;
  const known = (ROLES as readonly string[]).includes(role);
  const reason = known
    ? `the role ${role} stays: a machine that is not attached is a core`
    : `there is no role ${role}`;
  throw new HarborError('HARBOR_USAGE', `${reason}; harbor can be added and removed`);
}
