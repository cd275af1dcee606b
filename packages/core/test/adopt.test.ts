import fc from 'fast-check';
import t from 'tap';
import {
  adopt,
  contradictions,
  intPortsOf,
  portsOf,
  type AdoptedRecords,
  type Service,
} from '../src/index.js';

const NOTHING: AdoptedRecords = {
  ...{ service: {}, backend: {}, instance: {}, binding: {}, name: {}, cooling: {}, config: {} },
};
const RANGE = { low: 100, high: 199 };

const services = fc
  .array(
    fc.record({
      node: fc.constantFrom('a', 'b', 'c'),
      port: fc.integer({ min: 95, max: 130 }),
      ports: fc.integer({ min: 1, max: 4 }),
      intPort: fc.integer({ min: 4_100, max: 4_120 }),
    }),
    { maxLength: 25 },
  )
  .map((all): Record<string, Service> =>
    Object.fromEntries(
      all.map(({ node, port, ports, intPort }, at) => [
        `s${at}`,
        {
          ...{ id: `s${at}`, name: `s${at}`, node, port, intPort, protocol: 'tcp', plan: 'free' },
          ...{ parameters: {}, createdAt: at },
          ...(ports === 1 ? {} : { ports }),
        },
      ]),
    ),
  );

t.test('adopt - no two services share a number, and whoever can keep his own does', (t) => {
  fc.assert(
    fc.property(services, (service) => {
      const plan = adopt({ ...NOTHING, service }, { node: 'here', range: RANGE, random: () => 0.5 });
      if (!plan) return true;
      const ports = plan.services.flatMap(portsOf);
      const ints = plan.services.flatMap(intPortsOf);
      if (new Set(ports).size !== ports.length || new Set(ints).size !== ints.length) return false;
      const claimed = plan.writes.filter(({ kind }) => kind === 'port').length;
      const movedIds = new Set(plan.moved.map(({ service: { id } }) => id));
      const stayed = plan.services.every((one) => movedIds.has(one.id) || one.port === service[one.id]?.port);
      return stayed && claimed === ports.length && plan.services.every(({ node }) => node === 'here');
    }),
  );
  t.end();
});

t.test('adopt - what a service is moved to is never what another one keeps', (t) => {
  const one = (id: string, node: string, port: number, createdAt: number): Service => ({
    ...{ id, name: id, node, port, intPort: 4_100 + createdAt, protocol: 'tcp', plan: 'free' },
    ...{ parameters: {}, createdAt },
  });
  const service = { x: one('x', 'a', 100, 1), y: one('y', 'b', 100, 2), z: one('z', 'a', 101, 3) };
  const range = { low: 100, high: 102 };
  const plan = adopt({ ...NOTHING, service }, { node: 'here', range, random: () => 0 });
  t.same(
    plan?.services.map(({ id, port }) => [id, port]),
    [
      ['x', 100],
      ['y', 102],
      ['z', 101],
    ],
  );
  t.equal(
    adopt({ ...NOTHING, service }, { node: 'here', range: { low: 100, high: 101 }, random: () => 0 }),
    undefined,
  );
  const left = adopt({ ...NOTHING, service }, { node: undefined, range, random: () => 0 });
  t.same(left?.moved, [], 'left to their nodes nothing clashes');
  t.end();
});

t.test('contradictions - what one service alone cannot show is found', (t) => {
  const a: Service = {
    ...{ id: 'a', name: 'a', node: 'n', port: 1, intPort: 4_100, protocol: 'tcp', plan: 'p' },
    ...{ parameters: {}, createdAt: 0 },
  };
  t.same(contradictions({ ...NOTHING, service: { a } }), []);
  const service = { a, b: { ...a, id: 'b', ports: 2, intPort: 4_101, port: 65_535 }, c: { ...a, id: 'c' } };
  t.same(contradictions({ ...NOTHING, service, name: { n: { instance: 'gone' } } }), [
    'service b: port 65536 is no port number',
    'services a and c both have port n:1',
    'services a and c both have int_port n:4100',
    'name n: there is no instance gone',
  ]);
  t.end();
});
