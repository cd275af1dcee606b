import { removeCore } from '@harbor/config';
import { asHarborError, HarborError, type Change } from '@harbor/core';
import { withStore, type Place } from '@harbor/runtime';
import { note, say } from '@harbor/terminal';
import { Tunnel } from '../cluster/tunnel.js';
import { NodesClient } from '../cluster/gateway.js';
import { connectSupervisor } from '../supervisor/index.js';
import { stop } from './change.js';

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
  // The way to the core is the supervisor's; where none runs it is this command's.
  const way = new Tunnel(place, place.core, { debug: () => undefined });
  if (!(await connectSupervisor(place))) await way.open();
  try {
    const left = await requireEmpty(place, id, force);
    await stop(place, ['harbor'], { flush: true });
    // With services left the node stays known: it is what they wait for, and may be attached again.
    if (left === 0) await forget(place, id);
  } catch (thrown) {
    const error = asHarborError(thrown);
    if (!force || error.code !== 'HARBOR_REDIS_UNAVAILABLE') throw thrown;
    note(`the core does not answer; there, run: kato node remove ${id}`);
  } finally {
    way.close();
  }
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
  if (left > 0) note(`its services stay, unreachable, until: kato node migrate ${id} NEW`);
  say(`${id} is forgotten`);
}

/** How many services a node has; that is none, or it is by force. Errors: HARBOR_NODE_IN_USE. */
async function requireEmpty(place: Place, id: string, force: boolean): Promise<number> {
  const { records } = await withStore(place, (store) => store.snapshot(['service', 'instance']));
  const names = namesOn(records, id);
  if (names.length === 0 || force) return names.length;
  const listed = names.length > 10 ? [...names.slice(0, 10), `and ${names.length - 10} more`] : names;
  const message = `${id} has services: ${listed.join(', ')}; move them, on the core: kato node migrate ${id} NEW`;
  throw new HarborError('HARBOR_NODE_IN_USE', message);
}

function namesOn(records: readonly Change[], node: string): string[] {
  const names = new Map<string, string>();
  for (const { kind, id, value } of records)
    if ((kind === 'service' || kind === 'instance') && value?.node === node) names.set(id, value.name || id);
  return [...names.values()].sort();
}

async function forget(place: Place, id: string): Promise<void> {
  await withStore(place, (store) =>
    store.commit({ expect: [], write: [{ kind: 'node', id, value: undefined }] }),
  );
}
