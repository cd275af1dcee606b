import { claimId, HarborError, ManualClock, type Instance, type Service } from '@harbor/core';
import { Store, type Follower } from '@harbor/store';
import { startRedis, type TestServer } from '@harbor/testbed';
import t from 'tap';
import type { Reservations, Wish } from '../src/ports/reservations.js';
import { ServiceUpdater } from '../src/ports/updater.js';

let server: TestServer;
let store: Store;
let follower: Follower;

t.before(async () => {
  server = await startRedis();
  store = new Store({ url: server.url, onError: () => undefined });
  const events = { onReset: () => undefined, onChange: () => undefined };
  follower = await store.follow(['service', 'port', 'int_port', 'instance'], events);
});
t.teardown(async () => {
  follower.close();
  store.close();
  await server.stop();
});

/** A connector that can bind the port, or says why not. */
function connector(skipped?: string) {
  const asked: Wish[] = [];
  const released: number[] = [];
  const reservations: Reservations = {
    async reserve(wish) {
      asked.push(wish);
      const [port = 0] = wish.ports;
      return skipped === undefined
        ? { held: port, skipped: [] }
        : { held: null, skipped: [{ port, reason: skipped }] };
    },
    release: (port) => void released.push(port),
  };
  return { reservations, asked, released };
}

/** A service and the gateway's record of it, both in Redis. */
async function existing(id: string, more: Partial<Service> = {}) {
  const service: Service = {
    ...{ id, name: id, node: 'n', port: 35_001, intPort: 4100, protocol: 'tcp', plan: 'tcp' },
    ...{ parameters: {}, createdAt: 1 },
    ...more,
  };
  const instance: Instance = {
    ...{ id, name: id, state: 'ready', serviceId: 's', planId: 'p', organization: 'o', space: 's' },
    ...{ parameters: {}, createdAt: 1 },
  };
  const result = await store.commit({
    expect: [],
    write: [
      { kind: 'service', id, value: service },
      { kind: 'instance', id, value: instance },
      { kind: 'port', id: claimId('n', 35_001), value: { node: 'n', port: 35_001, service: id } },
    ],
  });
  if (!result.done) throw new Error('not written');
  await follower.caughtUp(result.revision);
  return { service, instance, revision: result.revision };
}

function updater(over: Partial<ConstructorParameters<typeof ServiceUpdater>[0]> = {}): ServiceUpdater {
  const { reservations } = connector();
  return new ServiceUpdater({ node: 'n', store, follower, reservations, clock: new ManualClock(), ...over });
}

const refusal = async (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: unknown) => error as HarborError,
  );
const stored = (id: string) => ({
  service: follower.replica.get('service', id),
  instance: follower.replica.get('instance', id),
});

t.test('update - the service and the record that rides along change in one commit', async (t) => {
  const { service, instance, revision } = await existing('one');
  const record: Instance = { ...instance, planId: 'q', parameters: { max_connections: 3 } };
  const change = {
    id: 'one',
    plan: 'free',
    parameters: { maxConnections: 3 },
    instance: { revision, record },
  };
  const { asked, reservations } = connector();
  const changed = await updater({ reservations }).update(change);
  t.strictSame(stored('one'), {
    service: { ...service, plan: 'free', parameters: { maxConnections: 3 } },
    instance: record,
  });
  t.equal(follower.replica.revisionOf('service', 'one'), changed.revision);
  t.equal(follower.replica.revisionOf('instance', 'one'), changed.revision);
  t.strictSame([asked, changed.added], [[], []], 'the connector has nothing to do with it');
});

t.test('update - a transport that comes is bound first, on the number the service has', async (t) => {
  const { service } = await existing('two');
  const { asked, released, reservations } = connector();
  const wanted = { id: 'two', plan: 'both', parameters: { protocol: 'both' } } as const;
  const { added } = await updater({ reservations }).update(wanted);
  t.match(asked, [{ ports: [35_001], transports: ['udp'], preserveClientIp: false, service: 'two' }]);
  t.strictSame(added, ['udp']);
  t.match(stored('two').service, {
    ...service,
    protocol: 'both',
    plan: 'both',
    parameters: { protocol: 'both' },
  });
  await updater({ reservations }).update({ id: 'two', plan: 'udp', parameters: { protocol: 'udp' } });
  t.equal(asked.length, 1, 'one that goes needs no asking');
  t.strictSame(released, []);
});

t.test('update - a number held for the other transport is a clear error and changes nothing', async (t) => {
  await existing('three');
  const before = stored('three');
  const { reservations } = connector('held by pid 7 (named)');
  const error = await refusal(
    updater({ reservations }).update({ id: 'three', plan: 'both', parameters: { protocol: 'both' } }),
  );
  t.match(error, {
    code: 'HARBOR_PORT_TAKEN',
    message: 'port 35001 cannot be had for udp on n: held by pid 7 (named); nothing was changed',
  });
  t.strictSame(stored('three'), before);
});

t.test(
  'update - what comes in between is busy: all or nothing, and the reservation is given back',
  async (t) => {
    const { instance, revision } = await existing('four');
    await store.commit({
      expect: [],
      write: [{ kind: 'instance', id: 'four', value: { ...instance, name: 'other' } }],
    });
    const { released, reservations } = connector();
    const wanted = {
      id: 'four',
      plan: 'udp',
      parameters: { protocol: 'udp' },
      instance: { revision, record: instance },
    } as const;
    t.match(await refusal(updater({ reservations }).update(wanted)), { code: 'HARBOR_SERVICE_BUSY' });
    t.match(stored('four').service, { protocol: 'tcp', plan: 'tcp' });
    t.strictSame(released, [35_001]);
  },
);

t.test('update - two at once: one is done, the other told to wait', async (t) => {
  await existing('five');
  const node = updater();
  const made = await Promise.allSettled([
    node.update({ id: 'five', plan: 'tcp', parameters: { maxConnections: 1 } }),
    node.update({ id: 'five', plan: 'tcp', parameters: { maxConnections: 2 } }),
  ]);
  t.match(made, [{ status: 'fulfilled' }, { status: 'rejected', reason: { code: 'HARBOR_SERVICE_BUSY' } }]);
  const [mine, theirs] = [updater(), updater()];
  const both = await Promise.allSettled([
    mine.update({ id: 'five', plan: 'tcp', parameters: { maxConnections: 3 } }),
    theirs.update({ id: 'five', plan: 'tcp', parameters: { maxConnections: 4 } }),
  ]);
  t.strictSame(both.map(({ status }) => status).sort(), ['fulfilled', 'rejected'], 'on two processes, too');
});

t.test('update - another port, an unknown service and one of another node are refused', async (t) => {
  await existing('six');
  await existing('seven', { node: 'other' });
  const node = updater();
  t.match(await refusal(node.update({ id: 'six', plan: 'tcp', parameters: { port: 35_002 } })), {
    code: 'HARBOR_PARAMETERS_INVALID',
  });
  for (const id of ['seven', 'none'])
    t.match(await refusal(node.update({ id, plan: 'tcp', parameters: {} })), {
      code: 'HARBOR_SERVICE_NOT_FOUND',
    });
});

t.test("update - whether clients' addresses can be kept is asked before they are promised", async (t) => {
  await existing('eight');
  const { asked, reservations } = connector();
  const parameters = { preserveClientIp: true };
  await updater({ reservations }).update({ id: 'eight', plan: 'tcp', parameters });
  t.match(asked, [{ ports: [35_001], preserveClientIp: true, service: 'eight' }]);
  t.strictSame(asked[0]?.transports, []);
  await updater({ reservations }).update({
    id: 'eight',
    plan: 'tcp',
    parameters: { ...parameters, maxConnections: 1 },
  });
  t.equal(asked.length, 1);
});

t.test('update - over six seconds or without Redis it is given up and nothing is kept', async (t) => {
  await existing('nine');
  const clock = new ManualClock();
  const { released, reservations } = connector();
  const slow: Reservations = {
    ...reservations,
    reserve(wish) {
      clock.advance(6_001);
      return reservations.reserve(wish);
    },
  };
  const wanted = { id: 'nine', plan: 'udp', parameters: { protocol: 'udp' } } as const;
  t.match(await refusal(updater({ clock, reservations: slow }).update(wanted)), {
    code: 'HARBOR_NODE_TIMEOUT',
  });
  const away = { commit: () => Promise.reject(new HarborError('HARBOR_REDIS_UNAVAILABLE', 'away')) };
  t.match(await refusal(updater({ store: away, reservations }).update(wanted)), {
    code: 'HARBOR_REDIS_UNAVAILABLE',
  });
  t.strictSame(released, [35_001, 35_001]);
  t.match(stored('nine').service, { protocol: 'tcp' });
});

t.test('update - a new name comes with its record, in the same commit as the rest', async (t) => {
  const { service, instance, revision } = await existing('named', { name: 'web', owner: 'o/s/web' });
  await store.commit({ expect: [], write: [{ kind: 'name', id: 'o/s/web', value: { instance: 'named' } }] });
  const names = await store.follow(['name'], { onReset: () => undefined, onChange: () => undefined });
  t.teardown(() => names.close());
  const renamed = { name: 'udp-web', owner: 'o/s/udp-web', takes: 'o/s/udp-web', leaves: 'o/s/web' };
  const record = { ...instance, name: 'udp-web' };
  const change = { id: 'named', plan: 'free', parameters: { protocol: 'tcp' }, renamed } as const;
  const { revision: written } = await updater().update({ ...change, instance: { revision, record } });
  await names.caughtUp(written);
  t.strictSame(stored('named'), {
    service: {
      ...service,
      name: 'udp-web',
      owner: 'o/s/udp-web',
      plan: 'free',
      parameters: { protocol: 'tcp' },
    },
    instance: record,
  });
  t.strictSame([...names.replica.entries('name')], [['o/s/udp-web', { instance: 'named' }]]);

  const other = await existing('second');
  const before = stored('second');
  const error = await refusal(
    updater().update({
      ...change,
      id: 'second',
      instance: { revision: other.revision, record: other.instance },
    }),
  );
  t.match(error, { code: 'HARBOR_SERVICE_EXISTS', message: 'the name "udp-web" is taken' });
  t.strictSame(stored('second'), before);
});
