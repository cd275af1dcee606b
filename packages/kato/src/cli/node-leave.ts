import { removeCore } from '@harbor/config';
import { shellWord, HarborError } from '@harbor/core';
import type { Place } from '@harbor/runtime';
import { note, say } from '@harbor/terminal';
import { NodesClient } from '../cluster/gateway.js';
import { forget, requireEmpty } from '../cluster/owned.js';
import { withWayToCore } from '../cluster/way.js';
import { stop } from './change.js';
import { orForced } from './forced.js';

export interface LeaveOptions {
  readonly force?: boolean;
}

/**
 * `kato node detach`, on the node: ends what runs here and forgets the core.
 * Errors: HARBOR_NODE_NOT_ATTACHED; HARBOR_NODE_IN_USE, HARBOR_REDIS_UNAVAILABLE, without `force`.
 */
export async function nodeDetach(place: Place, { force = false }: LeaveOptions): Promise<void> {
  if (!place.core) throw new HarborError('HARBOR_NODE_NOT_ATTACHED', 'this home is not attached to a core');
  const id = place.load({}).harbor_node.node_id;
  await withWayToCore(place, async () => {
    const left = await orForced(force, () => requireEmpty(place, id, force));
    await orForced(true, () => stop(place, ['harbor'], { flush: true }));
    // With services left the node stays known: it is what they wait for, and may be attached again.
    if (left === 0) await orForced(force, () => forget(place, id));
    if (left === undefined) note(`once the core answers, there run: kato node remove ${shellWord(id)}`);
  });
  await stop(place, []);
  removeCore(place.home);
  say(`${id} is detached from the core at ${place.core.host}`);
}

/**
 * `kato node remove NODE`, on the core: forgets a node that has gone.
 * Errors: HARBOR_NODE_NOT_FOUND; HARBOR_NODE_IN_USE where it is up, or has services and there is no `force`.
 */
export async function nodeRemove(place: Place, id: string, { force = false }: LeaveOptions): Promise<void> {
  if (id === place.load({}).harbor_node.node_id)
    throw new HarborError('HARBOR_NODE_IN_USE', `${id} is this node itself`);
  const known = (await new NodesClient(place).nodes()).nodes.find((node) => node.id === id);
  if (!known) throw new HarborError('HARBOR_NODE_NOT_FOUND', `there is no node ${id}`);
  if (known.state === 'up')
    throw new HarborError('HARBOR_NODE_IN_USE', `${id} is up; end it first, there: kato node detach`);
  const left = await requireEmpty(place, id, force);
  await forget(place, id);
  if (left > 0) note(`its services stay, unreachable, until: kato node migrate ${shellWord(id)} NEW`);
  say(`${id} is forgotten`);
}
