import { blockIn, hasPort, HarborError, type Instance, type Replica } from '@harbor/core';
import { HARBOR_PLATFORM } from '@harbor/wire';
import { nameClaimId } from '../instances/wanted.js';

/** The organization and space of those who name none: where `harbor create-service` puts services. */
const HOME = { organization: 'harbor', space: 'default', platform: HARBOR_PLATFORM };

/**
 * The instance with this id, else with this name; a name that Harbor's own users gave comes first.
 * Errors: HARBOR_SERVICE_NOT_FOUND; HARBOR_REQUEST_INVALID where the name is not unique.
 */
export function findInstance(replica: Replica, nameOrId: string): Instance {
  const known = byId(replica, nameOrId) ?? byClaim(replica, nameOrId);
  if (known) return known;
  const named = matching(replica, (instance) => instance.name === nameOrId);
  return only(named, nameOrId, 'name');
}

/** The same, or by a port number. */
export function findInstanceOrPort(replica: Replica, what: string): Instance {
  const known = byId(replica, what) ?? byClaim(replica, what);
  if (known || !/^\d{1,5}$/.test(what)) return known ?? findInstance(replica, what);
  const port = Number(what);
  return only(
    matching(replica, ({ credentials }) => credentials !== undefined && hasPort(blockIn(credentials), port)),
    what,
    'port',
  );
}

function byId(replica: Replica, id: string): Instance | undefined {
  return replica.get('instance', id);
}

function byClaim(replica: Replica, name: string): Instance | undefined {
  const claimId = nameClaimId({ ...HOME, name });
  const owner = claimId === undefined ? undefined : replica.get('name', claimId)?.instance;
  return owner === undefined ? undefined : replica.get('instance', owner);
}

function matching(replica: Replica, wanted: (instance: Instance) => boolean): Instance[] {
  return [...replica.all('instance')].filter(wanted);
}

function only(found: readonly Instance[], what: string, how: 'name' | 'port'): Instance {
  const [first, ...others] = found;
  const quoted = JSON.stringify(what);
  if (!first) throw new HarborError('HARBOR_SERVICE_NOT_FOUND', `no service has the ${how} or id ${quoted}`);
  if (others.length === 0) return first;
  const ids = found.map((instance) => instance.id).sort();
  const message = `several services have the ${how} ${quoted}; use one of their ids: ${ids.join(', ')}`;
  throw new HarborError('HARBOR_REQUEST_INVALID', message);
}
