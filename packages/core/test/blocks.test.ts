import fc from 'fast-check';
import t from 'tap';
import {
  asRegistered,
  BackendTable,
  backendId,
  blockIn,
  credentialsOf,
  nextIntPort,
  RouteTable,
  routesOf,
  withAddresses,
  type Backend,
  type Registration,
  type Service,
} from '../src/index.js';

const block: Service = {
  id: 'rtp',
  name: 'rtp',
  node: 'n1',
  port: 35010,
  ports: 3,
  intPort: 4100,
  protocol: 'both',
  plan: 'free',
  parameters: { ports: 3 },
  createdAt: 0,
};
const registration = (over: Partial<Registration> = {}): Registration => ({
  service: 'rtp',
  transport: 'tcp',
  host: '10.0.0.1',
  port: 4100,
  ports: 3,
  dea: 'd',
  app: 'a',
  instance: 'i',
  ...over,
});
const backend = (over: Partial<Backend> = {}): Backend => ({
  ...registration(),
  order: 1,
  since: 0,
  ...over,
});

t.test('block - port i leads to the port i above the one an instance registered, for each transport', (t) => {
  const routes = routesOf(block, [backend(), backend({ transport: 'udp', port: 5000 })]);
  t.same(
    routes.map(({ key, backends }) => [key, ...backends.map(({ port }) => port)]),
    [
      ['tcp/35010', 4100],
      ['tcp/35011', 4101],
      ['tcp/35012', 4102],
      ['udp/35010', 5000],
      ['udp/35011', 5001],
      ['udp/35012', 5002],
    ],
  );
  t.same(
    routes.flatMap(({ backends }) => backends.map((each) => asRegistered(each).port)),
    [4100, 4100, 4100, 5000, 5000, 5000],
    'whichever of its ports fails, it is known who that was',
  );
  const [, , last] = routesOf(block, [backend({ port: 65534 })]);
  t.same(last!.backends, [], 'a port that cannot be is left out');
  t.end();
});

t.test('block - a record touches every port of it', (t) => {
  const table = new RouteTable('n1');
  const tcp = ['tcp/35010', 'tcp/35011', 'tcp/35012'];
  t.same(table.putService({ ...block, protocol: 'tcp' }), tcp);
  t.same(table.putBackend(backend()), tcp);
  t.equal(table.get('tcp/35012')?.backends[0]?.port, 4102);
  t.equal(table.get('tcp/35013'), undefined);
  t.same(table.removeBackend(backendId(backend())), tcp);
  t.same(table.removeService('rtp'), tcp);
  t.same(table.keys(), []);
  t.end();
});

t.test('block - the route table gives what all routes of the service are', (t) => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 100 }),
      fc.constantFrom('tcp', 'udp', 'both'),
      (ports, protocol) => {
        const service: Service = { ...block, protocol, ...(ports === 1 ? {} : { ports }) };
        const table = new RouteTable('n1');
        table.putService(service);
        for (const each of [backend(), backend({ transport: 'udp' })]) table.putBackend(each);
        const all = routesOf(service, [backend(), backend({ transport: 'udp' })]);
        t.strictSame(
          all.map(({ key }) => table.get(key)),
          all,
        );
        return table.keys().length === all.length;
      },
    ),
    { numRuns: 20 },
  );
  t.end();
});

t.test('block - an address inside it that another service registers takes the whole instance away', (t) => {
  const table = new BackendTable(() => 1_000);
  table.register(registration(), 0);
  t.equal(table.register(registration({ service: 'web', port: 4103, instance: 'j' }), 0).removed.length, 0);
  const changes = table.register(registration({ service: 'web', port: 4102, instance: 'k' }), 0);
  t.match(changes.removed, [{ service: 'rtp', port: 4100 }]);
  const back = table.register(registration({ instance: 'l', port: 4101 }), 0);
  t.same(back.removed.map(({ instance }) => instance).sort(), ['j', 'k'], 'and the other way round');
  t.end();
});

t.test('block - credentials name every port, and keep them when addresses change', (t) => {
  const made = credentialsOf(block, { host: 'h', hostname: 'h' });
  t.strictSame(made.ports, ['35010', '35011', '35012']);
  t.strictSame(withAddresses(made, { host: 'x', hostname: 'x' }).ports, made.ports);
  t.strictSame(blockIn(made), { port: 35010, ports: 3 });
  t.end();
});

t.test('block - its int_ports are in a row, the lowest there are', (t) => {
  t.equal(nextIntPort(new Set([4100, 4103, 4107]), 3), 4104);
  t.equal(nextIntPort(new Set([4102]), 2), 4100);
  t.equal(nextIntPort({ has: (port) => port < 65535 }, 2), undefined);
  t.end();
});
