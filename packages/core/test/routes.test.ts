import fc from 'fast-check';
import t from 'tap';
import { backendId, diffBackends, RouteTable, routesOf, type Backend, type Service } from '../src/index.js';

function service(over: Partial<Service> = {}): Service {
  return {
    id: 'web',
    name: 'web',
    node: 'n1',
    port: 35000,
    intPort: 4100,
    protocol: 'tcp',
    plan: 'free',
    parameters: {},
    createdAt: 0,
    ...over,
  };
}
function backend(over: Partial<Backend> = {}): Backend {
  return {
    service: 'web',
    transport: 'tcp',
    host: '10.0.0.1',
    port: 4100,
    dea: 'd',
    app: 'a',
    instance: 'i',
    order: 1,
    since: 0,
    ...over,
  };
}

t.test(
  'routes - a both service has a TCP and a UDP listener on one number, each with its own backends',
  (t) => {
    const routes = routesOf(service({ protocol: 'both' }), [
      backend(),
      backend({ transport: 'udp', order: 2 }),
    ]);
    t.same(
      routes.map(({ key, backends }) => [key, backends.length]),
      [
        ['tcp/35000', 1],
        ['udp/35000', 1],
      ],
    );
    t.end();
  },
);

t.test('routes - only the rules a data plane follows are part of it', (t) => {
  const [route] = routesOf(
    service({ parameters: { port: 35000, public: true, allow: ['10.0.0.0/8'], idleTimeout: 0 } }),
    [],
  );
  t.strictSame(route!.policy, { allow: ['10.0.0.0/8'], idleTimeout: 0 });
  t.end();
});

t.test('routes - a service with an HTTPS proxy goes through the relay, unless it says otherwise', (t) => {
  const planeOf = (over: Partial<Service>) => routesOf(service(over), [])[0]?.policy.plane;
  t.equal(planeOf({ name: 'web-https' }), 'embedded');
  t.equal(planeOf({ name: 'web-https', parameters: { plane: 'auto' } }), 'auto');
  t.equal(planeOf({ name: 'https-web' }), undefined);
  t.end();
});

t.test('route table - says which keys a record touches, and no others', (t) => {
  const table = new RouteTable('n1');
  t.same(table.putService(service()), ['tcp/35000']);
  t.same(table.putService(service({ id: 'other', node: 'n2', port: 36000 })), [], 'another node');
  t.same(table.putBackend(backend()), ['tcp/35000']);
  t.same(table.putBackend(backend({ transport: 'udp' })), [], 'a transport the service does not serve');
  t.same(table.putBackend(backend({ service: 'unknown' })), []);
  t.same(table.removeBackend(backendId(backend())), ['tcp/35000']);
  t.same(table.removeBackend('nobody'), []);
  t.same(table.removeService('web'), ['tcp/35000']);
  t.equal(table.get('tcp/35000'), undefined);
  t.end();
});

t.test('route table - a change of protocol closes the one listener and opens the other', (t) => {
  const table = new RouteTable('n1');
  table.putService(service());
  t.same(table.putService(service({ protocol: 'udp' })), ['tcp/35000', 'udp/35000']);
  t.same(table.keys(), ['udp/35000']);
  t.end();
});

t.test('route table - backends that arrive before their service are there when it comes', (t) => {
  const table = new RouteTable('n1');
  table.putBackend(backend());
  table.putService(service());
  t.equal(table.get('tcp/35000')?.backends.length, 1);
  t.end();
});

t.test('route table - a history of changes ends where its last state begins', (t) => {
  const change = fc.record({
    put: fc.boolean(),
    service: fc.boolean(),
    id: fc.integer({ min: 0, max: 3 }),
    port: fc.integer({ min: 0, max: 3 }),
  });
  fc.assert(
    fc.property(fc.array(change), (changes) => {
      const table = new RouteTable('n1');
      const services = new Map<string, Service>();
      const backends = new Map<string, Backend>();
      for (const { put, service: isService, id, port } of changes) {
        if (isService) {
          const one = service({ id: `s${id}`, port: 35000 + id });
          if (put) {
            services.set(one.id, one);
            table.putService(one);
          } else {
            services.delete(one.id);
            table.removeService(one.id);
          }
        } else {
          const one = backend({ service: `s${id}`, port: 1 + port });
          if (put) {
            backends.set(backendId(one), one);
            table.putBackend(one);
          } else {
            backends.delete(backendId(one));
            table.removeBackend(backendId(one));
          }
        }
      }
      const fresh = new RouteTable('n1');
      for (const one of services.values()) fresh.putService(one);
      for (const one of backends.values()) fresh.putBackend(one);
      const dump = (of: RouteTable) =>
        of.keys().map((key) => [key, of.get(key)?.backends.map(backendId).sort()]);
      t.strictSame(dump(table), dump(fresh));
    }),
  );
  t.end();
});

t.test('diff - names what came and what left', (t) => {
  const diff = diffBackends(
    [backend({ port: 1 }), backend({ port: 2 })],
    [backend({ port: 2 }), backend({ port: 3 })],
  );
  t.same([diff.added.map(({ port }) => port), diff.removed.map(({ port }) => port)], [[3], [1]]);
  t.end();
});
