import { ManualClock, type HarborError, type Kind, type Quotas } from '@harbor/core';
import { Store } from '@harbor/store';
import { startRedis, type TestServer } from '@harbor/testbed';
import t from 'tap';
import { QuotaKeeper } from '../src/instances/quotas.js';
import { SharedState } from '../src/state/shared-state.js';
import { instanceRecord } from './support/fixture.js';

const KINDS: readonly Kind[] = ['instance', 'quota'];
let server: TestServer;
let store: Store;

t.before(async () => {
  server = await startRedis();
  store = new Store({ url: server.url, onError: () => undefined });
});
t.teardown(async () => {
  store.close();
  await server.stop();
});

/** A gateway's keeper with a copy of the state of its own, which is behind now and then. */
async function keeper(quotas: () => Quotas): Promise<QuotaKeeper> {
  const follower = await store.follow(KINDS, { onReset: () => undefined, onChange: () => undefined });
  t.teardown(() => follower.close());
  return new QuotaKeeper(new SharedState(store, follower, new ManualClock()), quotas);
}
const create = (on: QuotaKeeper, id: string, more: object = {}) => {
  const value = instanceRecord(id, more);
  return on.create(value, { expect: [], write: [{ kind: 'instance', id, value }] });
};
const refusal = (work: Promise<unknown>): Promise<HarborError | undefined> =>
  work.then(
    () => undefined,
    (error: unknown) => error as HarborError,
  );

t.test('quotas - of many at once in two gateways, just as many come as may', async (t) => {
  const quotas: Quotas = { default: { space: { services: 5 } } };
  const two = [await keeper(() => quotas), await keeper(() => quotas)];
  const outcomes = await Promise.all(
    Array.from({ length: 24 }, (_, at) =>
      refusal(create(two[at % 2]!, `many-${at}`, { organization: 'many' })),
    ),
  );
  t.equal(outcomes.filter((error) => error === undefined).length, 5);
  t.ok(outcomes.every((error) => error === undefined || error.code === 'HARBOR_QUOTA_EXCEEDED'));
  const { records } = await store.snapshot(['instance']);
  t.equal(records.filter(({ id }) => id.startsWith('many-')).length, 5);
});

t.test('quotas - a block counts each of its ports, and one too many says what there is', async (t) => {
  const quotas: Quotas = { organizations: { rtp: { ports: 6 } } };
  const one = await keeper(() => quotas);
  await create(one, 'rtp-1', { organization: 'rtp', parameters: { ports: 4 } });
  const error = await refusal(create(one, 'rtp-2', { organization: 'rtp', parameters: { ports: 3 } }));
  t.equal(error?.code, 'HARBOR_QUOTA_EXCEEDED');
  t.equal(error?.entry.status, 422);
  t.match(error?.message, 'organization rtp has 4 of 6 ports; 3 more would be over its quota');
  await create(one, 'rtp-3', { organization: 'rtp', parameters: { ports: 2 } });
  t.strictSame(
    one.list().find(({ holder }) => holder.organization === 'rtp'),
    { holder: { organization: 'rtp' }, used: { services: 2, ports: 6 }, limits: { ports: 6 } },
  );
});

t.test(
  'quotas - a service that goes makes room, and without a limit nothing is written beside it',
  async (t) => {
    const quotas: Quotas = { organizations: { few: { services: 1 } } };
    const one = await keeper(() => quotas);
    await create(one, 'few-1', { organization: 'few' });
    t.ok(await refusal(create(one, 'few-2', { organization: 'few' })));
    await one.state.commit({ expect: [], write: [{ kind: 'instance', id: 'few-1', value: undefined }] });
    t.notOk(await refusal(create(one, 'few-2', { organization: 'few' })));
    await create(one, 'free-1', { organization: 'free' });
    const { records } = await store.snapshot(['quota']);
    t.notOk(records.some(({ id }) => id === 'free'));
  },
);
