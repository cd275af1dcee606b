import { shellWord, HarborError, type Change } from '@harbor/core';
import { withStore, type Place } from '@harbor/runtime';

/** How many services a node has; that is none, or it is by force. Errors: HARBOR_NODE_IN_USE, HARBOR_REDIS_UNAVAILABLE. */
export async function requireEmpty(place: Place, id: string, force: boolean): Promise<number> {
  const { records } = await withStore(place, (store) => store.snapshot(['service', 'instance']));
  const names = namesOn(records, id);
  if (names.length === 0 || force) return names.length;
  const listed = names.length > 10 ? [...names.slice(0, 10), `and ${names.length - 10} more`] : names;
  const message = `${id} has services: ${listed.join(', ')}; move them, on the core: kato node migrate ${shellWord(id)} NEW`;
  throw new HarborError('HARBOR_NODE_IN_USE', message);
}

function namesOn(records: readonly Change[], node: string): string[] {
  const names = new Map<string, string>();
  for (const { kind, id, value } of records)
    if ((kind === 'service' || kind === 'instance') && value?.node === node) names.set(id, value.name || id);
  return [...names.values()].sort();
}

/** Has the cluster not know a node any more. Errors: HARBOR_REDIS_UNAVAILABLE. */
export async function forget(place: Place, id: string): Promise<void> {
  await withStore(place, (store) =>
    store.commit({ expect: [], write: [{ kind: 'node', id, value: undefined }] }),
  );
}
