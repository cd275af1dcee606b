import fc from 'fast-check';
import t from 'tap';
import { GROUPS, PROCESSES, resolveNames, stopOrder } from '../src/processes/catalogue.js';

const all = PROCESSES.map(({ name }) => name);

t.test('names - no names stand for every process', (t) => {
  t.strictSame(resolveNames([]), all);
  t.end();
});

t.test(
  'names - a group stands for its processes, a process for itself, in the order of the listings',
  (t) => {
    t.strictSame(resolveNames(['base']), ['nats_server']);
    t.strictSame(resolveNames(['core']), ['nats_server', 'harbor_redis', 'harbor_gateway']);
    t.strictSame(resolveNames(['harbor']), [
      'harbor_redis',
      'harbor_proxy_connector',
      'harbor_node',
      'harbor_gateway',
    ]);
    t.strictSame(resolveNames(['harbor_gateway', 'harbor_redis']), ['harbor_redis', 'harbor_gateway']);
    t.strictSame(resolveNames(['harbor', 'harbor_node', 'base']), all, 'and nothing twice');
    t.end();
  },
);

t.test('names - an unknown one is an error that names those there are', (t) => {
  t.throws(() => resolveNames(['harbor_node', 'harbour_node']), {
    code: 'HARBOR_PROCESS_UNKNOWN',
    message: /harbour_node; there are base, core, harbor, nats_server, harbor_redis/,
  });
  t.end();
});

t.test('names - whatever is named, nothing ends before what needs it', (t) => {
  const names = fc.subarray([...Object.keys(GROUPS), ...all], { minLength: 1 });
  fc.assert(
    fc.property(names, (named) => {
      const resolved = resolveNames(named);
      const groups = stopOrder(resolved);
      const at = (name: string): number => groups.findIndex((group) => group.some((each) => each === name));
      const inOrder = resolved.every((name) =>
        PROCESSES.find((entry) => entry.name === name)!.needs.every(
          (need) => !resolved.includes(need) || at(need) > at(name),
        ),
      );
      return inOrder && groups.flat().length === resolved.length;
    }),
  );
  t.strictSame(stopOrder(all), [
    ['harbor_proxy_connector', 'harbor_node', 'harbor_gateway'],
    ['nats_server'],
    ['harbor_redis'],
  ]);
  t.end();
});
