import fc from 'fast-check';
import t from 'tap';
import {
  blockOf,
  coolingEnd,
  freePlaces,
  isOwn,
  placesFor,
  waitFor,
  type Asker,
  type Cooling,
} from '../src/index.js';

const RANGE = { low: 100, high: 119 };
const COOLDOWN = 60;

const asking = fc.record({
  do: fc.constant('ask' as const),
  name: fc.integer({ min: 0, max: 3 }),
  size: fc.integer({ min: 1, max: 5 }),
  random: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
});
const giving = fc.record({ do: fc.constant('give back' as const), which: fc.nat({ max: 50 }) });
const waiting = fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 100 }) });

t.test('ports - no number is ever given twice, nor early to somebody else, and his own comes back', (t) => {
  fc.assert(
    fc.property(fc.array(fc.oneof(asking, giving, waiting), { maxLength: 60 }), (steps) => {
      let now = 0;
      let next = 0;
      const held = new Map<string, { asker: Asker; ports: number[] }>();
      const cooling = new Map<number, Cooling>();
      const taken = { has: (port: number) => [...held.values()].some(({ ports }) => ports.includes(port)) };
      for (const step of steps) {
        if (step.do === 'wait') now += step.ms;
        else if (step.do === 'give back') {
          const [id, service] = [...held][step.which % Math.max(1, held.size)] ?? [];
          if (id === undefined || !service) continue;
          held.delete(id);
          for (const port of service.ports)
            cooling.set(port, {
              ...{ node: 'n', port, service: id, since: now, until: now + COOLDOWN },
              ...(service.asker.owner === undefined ? {} : { owner: service.asker.owner }),
            });
        } else {
          const asker = { id: `s${next++}`, owner: `space/${step.name}` };
          const wait = (port: number): number => {
            const one = cooling.get(port);
            return one ? waitFor(one, asker, COOLDOWN, now) : 0;
          };
          const own = (port: number): boolean => {
            const one = cooling.get(port);
            return one !== undefined && isOwn(one, asker) && coolingEnd(one, COOLDOWN) > now;
          };
          const others = { has: (port: number) => taken.has(port) || wait(port) > 0 };
          const [first] = placesFor(
            RANGE,
            step.size,
            { taken: others, own: { has: own } },
            () => step.random,
          );
          if (first === undefined) {
            t.same(freePlaces(RANGE, step.size, others), [], 'only where there is no place');
            continue;
          }
          const ports = blockOf(first, step.size);
          for (const port of ports) {
            const kept = cooling.get(port);
            if (taken.has(port) || port < RANGE.low || port > RANGE.high) return false;
            if (kept && kept.owner !== asker.owner && now < kept.since + COOLDOWN) return false;
          }
          const again = freePlaces(RANGE, step.size, { has: (port) => taken.has(port) || !own(port) });
          if (again.length > 0 && !again.includes(first)) return false;
          for (const port of ports) cooling.delete(port);
          held.set(asker.id, { asker, ports });
        }
      }
      return true;
    }),
  );
  t.end();
});

t.test('cool-down - shortened it counts at once, lengthened only for what is given back later', (t) => {
  const cooling = { node: 'n', port: 1, service: 's', since: 1_000, until: 61_000 };
  t.equal(coolingEnd(cooling, 10_000), 11_000);
  t.equal(coolingEnd(cooling, 600_000), 61_000);
  t.equal(waitFor(cooling, { id: 'other' }, 0, 1_000), 0, 'none at all');
  t.equal(waitFor(cooling, { id: 'other' }, 60_000, 60_999), 1);
  t.equal(waitFor(cooling, { id: 'other' }, 60_000, 61_000), 0);
  t.equal(waitFor(cooling, { id: 's' }, 60_000, 1_000), 0, 'the same service has it again at once');
  t.end();
});

t.test('cool-down - services without a name share nothing', (t) => {
  const cooling = { node: 'n', port: 1, service: 's', since: 0, until: 10 };
  t.equal(waitFor(cooling, { id: 'other' }, 10, 0), 10);
  t.equal(waitFor({ ...cooling, owner: 'o/s/n' }, { id: 'other' }, 10, 0), 10);
  t.equal(waitFor(cooling, { id: 'other', owner: 'o/s/n' }, 10, 0), 10);
  t.end();
});

t.test(
  'free places - those where as many contiguous ports are free, each equally likely to be first',
  (t) => {
    t.same(freePlaces({ low: 1, high: 10 }, 3, new Set([4])), [1, 5, 6, 7, 8]);
    t.same(freePlaces({ low: 1, high: 2 }, 3, new Set()), []);
    const seen = new Map<number, number>();
    for (let step = 0; step < 500; step++) {
      const nothing = { has: () => false };
      const places = { taken: new Set([4]), own: nothing };
      const [first] = placesFor({ low: 1, high: 10 }, 3, places, () => step / 500);
      seen.set(first!, (seen.get(first!) ?? 0) + 1);
    }
    t.same([...seen.values()], [100, 100, 100, 100, 100]);
    t.end();
  },
);
