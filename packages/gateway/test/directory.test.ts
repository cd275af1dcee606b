import { ManualClock } from '@harbor/core';
import fc from 'fast-check';
import t from 'tap';
import { NodeDirectory, STALE_AFTER, type NodeChoice } from '../src/nodes/directory.js';

const announcement = (id: string, available_capacity: number, more: object = {}) => ({
  id,
  plan: 'free',
  available_capacity,
  ...more,
});

t.test('nodes - the one with most free ports is chosen, of equals the first by id', async (t) => {
  const directory = new NodeDirectory(new ManualClock());
  directory.hear(announcement('b', 5));
  directory.hear(announcement('c', 9));
  directory.hear(announcement('a', 9));
  t.equal(directory.choose().id, 'a');
});

t.test(
  'nodes - a request under way takes its capacity off, and no announcement overwrites that',
  async (t) => {
    const directory = new NodeDirectory(new ManualClock());
    directory.hear(announcement('a', 3, { capacity_unit: 2 }));
    const first = directory.choose();
    t.equal(directory.list()[0]?.available, 1);
    directory.hear(announcement('a', 3, { capacity_unit: 2 }));
    t.equal(directory.list()[0]?.available, 1);
    first.release('unused');
    first.release('unused');
    t.equal(directory.list()[0]?.available, 3, 'a second release changes nothing');
  },
);

t.test('nodes - a service that was provisioned stays taken off until the next announcement', async (t) => {
  const directory = new NodeDirectory(new ManualClock());
  directory.hear(announcement('a', 1));
  directory.choose().release('used');
  t.throws(() => directory.choose(), { code: 'HARBOR_PORT_RANGE_FULL' });
  directory.hear(announcement('a', 4));
  t.equal(directory.choose().id, 'a');
});

t.test('nodes - one not heard of for 300 s is stale', async (t) => {
  const clock = new ManualClock();
  const directory = new NodeDirectory(clock);
  t.throws(() => directory.choose(), { code: 'HARBOR_NODE_UNAVAILABLE' });
  directory.hear(announcement('a', 4));
  clock.advance(STALE_AFTER - 1);
  t.equal(directory.choose().id, 'a');
  clock.advance(1);
  t.throws(() => directory.choose(), { code: 'HARBOR_NODE_UNAVAILABLE' });
  t.match(directory.list(), [{ id: 'a', stale: true }]);
});

t.test('nodes - one that nobody answers for is not chosen until it announces itself', async (t) => {
  const directory = new NodeDirectory(new ManualClock());
  directory.hear(announcement('a', 4));
  directory.lose('a');
  t.equal(directory.size, 0);
  directory.hear(announcement('a', 4));
  t.equal(directory.size, 1);
});

t.test('nodes - plan fits, version fits, highest available_capacity, which must be above 0', async (t) => {
  const directory = new NodeDirectory(new ManualClock());
  directory.hear({ ...announcement('full', 0), supported_versions: ['1.0'] });
  directory.hear({ ...announcement('udp', 9), plan: 'udp', supported_versions: ['1.0', '2.0'] });
  t.equal(directory.choose({ plan: 'udp' }).id, 'udp');
  t.equal(directory.choose({ plan: 'udp', version: '2.0' }).id, 'udp');
  t.throws(
    () => directory.choose({ plan: 'tcp' }),
    { code: 'HARBOR_PORT_RANGE_FULL' },
    'free serves every plan',
  );
  t.throws(() => directory.choose({ plan: 'tcp', version: '2.0' }), { code: 'HARBOR_VERSION_UNSUPPORTED' });
  const other = new NodeDirectory(new ManualClock());
  other.hear({ ...announcement('udp', 9), plan: 'udp' });
  t.throws(() => other.choose({ plan: 'tcp' }), { code: 'HARBOR_PLAN_UNKNOWN' });
  t.equal(
    other.choose({ plan: 'udp', version: '3.0' }).id,
    'udp',
    'one that names no versions is taken to know all',
  );
});

t.test('nodes - a swept node is shown no more, and shown again when it returns', async (t) => {
  const clock = new ManualClock();
  const directory = new NodeDirectory(clock);
  const addresses = { host: '10.0.0.1', hostname: 'one' };
  directory.hear(announcement('a', 4, { addresses }));
  clock.advance(STALE_AFTER);
  directory.sweep();
  t.strictSame(directory.list(), []);
  t.match(directory.addresses('a'), addresses, 'credentials read later still have them');
  directory.hear(announcement('a', 4));
  t.match(directory.list(), [{ id: 'a', stale: false }]);
});

t.test('nodes - capacity is never given away twice, whatever the order of events', async (t) => {
  const capacities = fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.integer({ min: 0, max: 20 }));
  fc.assert(
    fc.property(capacities, (nodes) => {
      const directory = new NodeDirectory(new ManualClock());
      for (const [id, capacity] of Object.entries(nodes)) directory.hear(announcement(id, capacity));
      const given = new Map<string, number>();
      const total = Object.values(nodes).reduce((sum, one) => sum + one, 0);
      for (let count = 0; count < total; count++) {
        const { id } = directory.choose();
        given.set(id, (given.get(id) ?? 0) + 1);
      }
      let refused = false;
      try {
        directory.choose();
      } catch {
        refused = true;
      }
      return refused && Object.entries(nodes).every(([id, capacity]) => (given.get(id) ?? 0) === capacity);
    }),
  );
  t.pass('held for every case');
});

t.test(
  'nodes - a service is taken off once, whenever its node counts and whenever that is heard',
  async (t) => {
    const size = 1_000;
    const step = fc.oneof(
      fc.record({ do: fc.constantFrom('choose', 'count', 'hear') }),
      fc.record({ do: fc.constantFrom('claim', 'use', 'fail'), at: fc.nat() }),
    );
    const property = fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const claimed = new Map<string, number>();
      const directory = new NodeDirectory(new ManualClock(), (id) => claimed.get(id));
      const counted = () => announcement('a', size - claimed.size, { revision: claimed.size });
      directory.hear(counted());
      const asked: { service: string; choice: NodeChoice }[] = [];
      const sent: ReturnType<typeof counted>[] = [];
      let [taken, named] = [0, 0];
      return steps.every((each) => {
        const chosen = 'at' in each ? asked[each.at % Math.max(1, asked.length)] : undefined;
        if (each.do === 'choose') {
          taken += 1;
          const service = `service-${++named}`;
          asked.push({ service, choice: directory.choose({ service }) });
        } else if (each.do === 'count') sent.push(counted());
        else if (each.do === 'hear') {
          const next = sent.shift();
          if (next) directory.hear(next);
        } else if (chosen && each.do === 'claim') {
          if (!claimed.has(chosen.service)) claimed.set(chosen.service, claimed.size + 1);
        } else if (chosen && claimed.has(chosen.service) === (each.do === 'use')) {
          asked.splice(asked.indexOf(chosen), 1);
          chosen.choice.release(each.do === 'use' ? 'used' : 'unused');
          if (each.do === 'fail') taken -= 1;
        }
        return directory.list()[0]?.available === size - taken;
      });
    });
    t.doesNotThrow(() => fc.assert(property, { numRuns: 1_000 }));
  },
);

t.test('nodes - the ports of a group are counted once, whichever member is asked', async (t) => {
  const directory = new NodeDirectory(new ManualClock());
  const group = { group: 'web' };
  directory.hear(announcement('a', 3, group));
  directory.hear(announcement('b', 3, group));
  directory.hear(announcement('c', 2));
  const first = directory.choose();
  t.equal(first.id, 'a');
  t.strictSame(
    directory.list().map(({ available }) => available),
    [2, 2, 2],
  );
  first.release('used');
  t.strictSame(
    directory.list().map(({ available }) => available),
    [2, 2, 2],
  );
  directory.choose();
  t.equal(directory.choose().id, 'c', 'what is under way on one member is off for the other');
  directory.lose('a');
  t.strictSame(directory.othersOfGroup('a'), ['b']);
  t.strictSame(directory.othersOfGroup('c'), []);
});

t.test('nodes - where the node that is preferred is away another of its group is chosen', async (t) => {
  const directory = new NodeDirectory(new ManualClock());
  directory.hear(announcement('a', 1, { group: 'web' }));
  directory.hear(announcement('b', 1, { group: 'web' }));
  directory.hear(announcement('c', 9));
  directory.lose('a');
  t.equal(directory.choose({ preferred: 'a', preferredGroup: 'web' }).id, 'b');
});

t.test('nodes - a block under way takes each of its ports off', async (t) => {
  const claimed = new Map<string, number>();
  const directory = new NodeDirectory(new ManualClock(), (id) => claimed.get(id));
  directory.hear(announcement('a', 10, { revision: 1 }));
  directory.hear(announcement('b', 9, { revision: 1 }));
  const available = () => directory.list().map((node) => node.available);
  const first = directory.choose({ service: 'rtp', ports: 4 });
  t.strictSame([first.id, available()], ['a', [6, 9]]);
  t.equal(directory.choose({ ports: 2 }).id, 'b', 'the next goes where more are left');
  t.strictSame(available(), [6, 7]);
  claimed.set('rtp', 2);
  first.release('used');
  directory.hear(announcement('a', 10, { revision: 1 }));
  t.strictSame(available(), [6, 7], 'the node counted before');
  directory.hear(announcement('a', 6, { revision: 2 }));
  t.strictSame(available(), [6, 7], 'and by now has counted all of them itself');
});

t.test('nodes - a block that is too large for what is free takes no more than that', async (t) => {
  const directory = new NodeDirectory(new ManualClock());
  directory.hear(announcement('a', 3));
  t.notOk(directory.hasRoom({ ports: 4 }), 'so all nodes are asked what they have by now');
  const choice = directory.choose({ ports: 4 });
  t.equal(choice.id, 'a', 'the node says itself what it lacks');
  t.equal(directory.list()[0]?.available, 0);
  choice.release('unused');
  t.equal(directory.list()[0]?.available, 3);
});

t.test('nodes - one that is silent is chosen only where nobody else has room', async (t) => {
  const silent = new Set(['a']);
  const directory = new NodeDirectory(
    new ManualClock(),
    () => undefined,
    (id) => silent.has(id),
  );
  directory.hear(announcement('a', 9, { group: 'web' }));
  directory.hear(announcement('b', 1));
  t.equal(directory.choose().id, 'b');
  t.equal(directory.choose().id, 'a', 'the other is full by now');
  t.equal(directory.choose({ preferred: 'a' }).id, 'a', 'or where it has what is wanted');
  directory.hear(announcement('c', 9, { group: 'web' }));
  t.equal(
    directory.choose({ preferred: 'a', preferredGroup: 'web' }).id,
    'c',
    'which others of its group have',
  );
  silent.clear();
  t.equal(directory.choose({ preferred: 'a', preferredGroup: 'web' }).id, 'a');
});
