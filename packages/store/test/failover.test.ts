import type { Commit } from '@harbor/core';
import { eventually, makeCertificates, startSentinels, temporaryDirectory } from '@harbor/testbed';
import t from 'tap';
import { Store } from '../src/index.js';

function named(id: string): Commit {
  return { expect: [], write: [{ kind: 'name', id, value: { instance: id } }] };
}

const silent = { onError: () => undefined };

/** A sentinel that was kept from its processor for 2 s looks on for 30 s before it trusts its clock again, ms. */
const PATIENCE = 90_000;

/** A commit that a replica has taken over, which a busy machine may refuse at first. */
function committed(store: Store, id: string): Promise<unknown> {
  return eventually('a commit', async () => (await store.commit(named(id))).done, PATIENCE);
}

t.test('sentinel - what was acknowledged survives the primary, and readers follow to the next', async (t) => {
  const redis = await startSentinels(1);
  t.teardown(() => redis.stop());
  await redis.replicated();
  const store = new Store({ url: redis.url, ...silent });
  t.teardown(() => store.close());
  const reader = await store.follow(['name'], { onReset: () => undefined, onChange: () => undefined });
  t.teardown(() => reader.close());

  const acknowledged: string[] = [];
  const refused = new Set<string>();
  let on = true;
  const writing = Promise.all(
    Array.from({ length: 8 }, async (_, writer) => {
      for (let each = 0; on; each++) {
        const id = `${writer}-${each}`;
        try {
          await store.commit(named(id));
          acknowledged.push(id);
        } catch (error) {
          refused.add((error as { code: string }).code);
        }
      }
    }),
  );
  await eventually('some commits', () => acknowledged.length > 200, PATIENCE);
  const before = await redis.primary();
  await before?.kill();
  await eventually(
    'another primary',
    async () => {
      const now = await redis.primary();
      return now !== undefined && now !== before;
    },
    PATIENCE,
  );
  const beforeReturn = acknowledged.length;
  t.ok(refused.size > 0, 'there was an outage');
  await before?.start();
  await eventually('commits to go on', () => acknowledged.length > beforeReturn + 200, PATIENCE);
  on = false;
  await writing;
  t.strictSame([...refused], ['HARBOR_REDIS_UNAVAILABLE'], 'and all of it is said in one way');

  const { records, revision } = await store.snapshot(['name']);
  const kept = new Set(records.map(({ id }) => id));
  t.strictSame(
    acknowledged.filter((id) => !kept.has(id)),
    [],
    'nothing acknowledged is lost',
  );
  await reader.caughtUp(revision);
  t.strictSame([...reader.replica.entries('name')].map(([id]) => id).sort(), [...kept].sort());
});

t.test('sentinel - without a replica nothing is acknowledged, and nothing changes', async (t) => {
  const redis = await startSentinels(1);
  t.teardown(() => redis.stop());
  await redis.replicated();
  const store = new Store({ url: redis.url, ...silent });
  t.teardown(() => store.close());
  await committed(store, 'one');
  const primary = await redis.primary();
  const replica = redis.servers.find((each) => each !== primary);
  await replica?.kill();
  await eventually('the primary to notice', async () => {
    await t.rejects(store.commit(named('first')), { code: 'HARBOR_REDIS_UNAVAILABLE' });
    const { revision } = await store.snapshot([]);
    await t.rejects(store.commit(named('second')), { code: 'HARBOR_REDIS_UNAVAILABLE' });
    return (await store.snapshot([])).revision === revision;
  });
  await replica?.start();
  await committed(store, 'three');
});

t.test('sentinel - over TLS, with an authority of the operator’s own', async (t) => {
  const directory = temporaryDirectory();
  t.teardown(() => directory.remove());
  const certificates = await makeCertificates(directory.path);
  const redis = await startSentinels(1, certificates);
  t.teardown(() => redis.stop());
  await redis.replicated();
  const store = new Store({ url: redis.url, ca: certificates.trusted, ...silent });
  t.teardown(() => store.close());
  await committed(store, 'one');
  const direct = `rediss://127.0.0.1:${(await redis.primary())?.port ?? 0}`;
  const single = new Store({ url: direct, ca: certificates.trusted, ...silent });
  t.teardown(() => single.close());
  t.match(await single.snapshot(['name']), { records: [{ id: 'one' }] });
  for (const url of [redis.url, direct]) {
    const stranger = new Store({ url, ...silent });
    await t.rejects(stranger.commit(named('two')), { code: 'HARBOR_REDIS_UNAVAILABLE' }, 'not signed');
    stranger.close();
  }
});
