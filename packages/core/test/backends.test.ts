import fc from 'fast-check';
import t from 'tap';
import { backendId, BackendTable, type Backend, type Registration } from '../src/index.js';

const TTL = 120_000;

function registration(over: Partial<Registration> = {}): Registration {
  return {
    service: 'web',
    transport: 'tcp',
    host: '10.0.0.1',
    port: 4100,
    dea: 'dea-1',
    app: 'app-1',
    instance: 'i-0',
    index: 0,
    ...over,
  };
}
function table(): BackendTable {
  return new BackendTable(() => TTL);
}
const ids = (backends: Iterable<Backend>) => [...backends].map(({ instance }) => instance).sort();

t.test('register - a new instance is added, repeated it renews its lease and changes nothing', (t) => {
  const backends = table();
  t.equal(backends.register(registration(), 0).outcome, 'added');
  const again = backends.register(registration(), 20_000);
  t.strictSame(again, { outcome: 'unchanged', put: [], removed: [] });
  t.equal(backends.heard(backendId(registration())), 20_000);
  t.end();
});

t.test('register - another instance at the same address takes its place, at the end of the queue', (t) => {
  const backends = table();
  backends.register(registration(), 0);
  backends.register(registration({ port: 4101, instance: 'i-1' }), 0);
  const changes = backends.register(registration({ instance: 'i-2' }), 1);
  t.equal(changes.outcome, 'updated');
  t.ok(changes.put[0]!.order > backends.get(backendId(registration({ port: 4101 })))!.order);
  t.equal(backends.size, 2);
  t.end();
});

t.test(
  'register - an address that a new instance registers for another service leaves the old one at once',
  (t) => {
    const backends = table();
    backends.register(registration(), 0);
    const changes = backends.register(registration({ service: 'mail', instance: 'i-9', app: 'app-2' }), 1);
    t.same(ids(changes.removed), ['i-0']);
    t.same(backends.ofService('web'), []);
    t.same(ids(backends.ofService('mail')), ['i-9']);
    t.end();
  },
);

t.test('register - one instance may serve two services at one address', (t) => {
  const backends = table();
  backends.register(registration(), 0);
  const changes = backends.register(registration({ service: 'udp-web', transport: 'udp' }), 1);
  t.same(changes.removed, []);
  t.equal(backends.size, 2);
  t.end();
});

t.test('register - what is new about an instance is taken over without a new place in the queue', (t) => {
  const backends = table();
  const first = backends.register(registration(), 0).put[0]!;
  const changes = backends.register(registration({ tags: { zone: 'a' } }), 5);
  t.equal(changes.outcome, 'updated');
  t.match(changes.put, [{ order: first.order, since: 0, tags: { zone: 'a' } }]);
  t.end();
});

t.test('unregister - drops that backend; one of an instance that is no longer there is stale', (t) => {
  const backends = table();
  backends.register(registration(), 0);
  backends.register(registration({ instance: 'i-new' }), 1);
  t.equal(backends.unregister(registration()).outcome, 'stale');
  t.equal(backends.size, 1);
  t.same(ids(backends.unregister(registration({ instance: 'i-new' })).removed), ['i-new']);
  t.equal(backends.unregister(registration()).outcome, 'unchanged');
  t.end();
});

t.test('droplet.exited - drops every backend of that instance', (t) => {
  const backends = table();
  backends.register(registration(), 0);
  backends.register(registration({ service: 'dns', transport: 'udp', port: 4101 }), 0);
  backends.register(registration({ port: 4102, instance: 'i-1' }), 0);
  t.equal(backends.instanceExited('i-0').removed.length, 2);
  t.same(ids(backends.list()), ['i-1']);
  t.end();
});

t.test('dea.heartbeat - renews what is running and drops the rest of that DEA', (t) => {
  const backends = table();
  backends.register(registration(), 0);
  backends.register(registration({ port: 4101, instance: 'i-1' }), 0);
  backends.register(registration({ port: 4102, instance: 'i-2', dea: 'dea-2' }), 0);
  const changes = backends.heartbeat('dea-1', new Set(['i-0']), 50_000);
  t.same(ids(changes.removed), ['i-1']);
  t.same(ids(backends.list()), ['i-0', 'i-2']);
  t.equal(backends.heard(backendId(registration())), 50_000);
  t.end();
});

t.test('dea.shutdown - drops all of that DEA', (t) => {
  const backends = table();
  backends.register(registration(), 0);
  backends.register(registration({ port: 4102, instance: 'i-2', dea: 'dea-2' }), 0);
  t.same(ids(backends.deaShutdown('dea-1').removed), ['i-0']);
  t.same(ids(backends.list()), ['i-2']);
  t.end();
});

t.test('leases - a backend not heard of for the threshold is dropped, not a millisecond before', (t) => {
  const backends = table();
  backends.register(registration(), 0);
  backends.register(registration({ port: 4101, instance: 'i-1' }), 1);
  t.equal(backends.prune(TTL - 1).outcome, 'unchanged');
  t.same(ids(backends.prune(TTL).removed), ['i-0']);
  t.same(ids(backends.list()), ['i-1']);
  t.end();
});

t.test('leases - after an outage everybody has a whole lease again', (t) => {
  const backends = table();
  backends.register(registration(), 0);
  backends.renewAll(TTL * 3);
  t.equal(backends.prune(TTL * 4 - 1).outcome, 'unchanged');
  t.equal(backends.prune(TTL * 4).outcome, 'removed');
  t.end();
});

t.test('keepTransports - a service that lost a transport loses its backends of it, and no others', (t) => {
  const backends = table();
  for (const transport of ['tcp', 'udp'] as const) {
    backends.register(registration({ transport }), 0);
    backends.register(registration({ transport, service: 'dns', port: 53, instance: 'i-9' }), 0);
  }
  t.match(backends.keepTransports('web', ['udp']), { outcome: 'removed', removed: [{ transport: 'tcp' }] });
  t.strictSame(backends.keepTransports('web', ['udp']).outcome, 'unchanged');
  t.strictSame(
    backends.ofService('web').map(({ transport }) => transport),
    ['udp'],
  );
  t.equal(backends.ofService('dns').length, 2);
  t.end();
});

t.test('demote - a failed backend queues at the end and keeps its lease', (t) => {
  const backends = table();
  backends.register(registration(), 7);
  backends.register(registration({ port: 4101, instance: 'i-1' }), 8);
  const [demoted] = backends.demote(backendId(registration()), 99).put;
  t.ok(demoted!.order > backends.get(backendId(registration({ port: 4101 })))!.order);
  t.equal(backends.heard(backendId(registration())), 7);
  t.equal(backends.demote('nobody', 1).outcome, 'unchanged');
  t.end();
});

t.test('restore - after a restart new backends queue behind the old ones', (t) => {
  const backends = table();
  backends.restore([{ ...registration(), order: 41, since: 3 }], 1_000);
  const changes = backends.register(registration({ port: 4101, instance: 'i-1' }), 1_000);
  t.equal(changes.put[0]!.order, 42);
  t.equal(backends.heard(backendId(registration())), 1_000);
  t.end();
});

const step = fc.record({
  act: fc.constantFrom('register', 'unregister', 'exited', 'shutdown', 'heartbeat', 'removeService', 'prune'),
  service: fc.constantFrom('web', 'mail', 'dns'),
  port: fc.integer({ min: 1, max: 4 }),
  instance: fc.constantFrom('i-0', 'i-1', 'i-2'),
  dea: fc.constantFrom('dea-1', 'dea-2'),
  wait: fc.integer({ min: 0, max: TTL }),
});

t.test(
  'table - after any history an address belongs to one instance at most, and every change was told',
  (t) => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const backends = table();
        const told = new Map<string, Backend>();
        let now = 0;
        for (const { act, wait, ...rest } of steps) {
          now += wait;
          const message = registration(rest);
          const changes =
            act === 'register'
              ? backends.register(message, now)
              : act === 'unregister'
                ? backends.unregister(message)
                : act === 'exited'
                  ? backends.instanceExited(rest.instance)
                  : act === 'shutdown'
                    ? backends.deaShutdown(rest.dea)
                    : act === 'heartbeat'
                      ? backends.heartbeat(rest.dea, new Set([rest.instance]), now)
                      : act === 'removeService'
                        ? backends.removeService(rest.service)
                        : backends.prune(now);
          for (const backend of changes.removed) told.delete(backendId(backend));
          for (const backend of changes.put) told.set(backendId(backend), backend);
        }
        t.strictSame([...told.keys()].sort(), [...backends.list()].map(backendId).sort());
        for (const one of backends.list()) {
          for (const other of backends.list()) {
            if (one.host === other.host && one.port === other.port) t.equal(one.instance, other.instance);
          }
        }
      }),
    );
    t.end();
  },
);
