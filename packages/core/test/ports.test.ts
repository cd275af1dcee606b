import fc from 'fast-check';
import t from 'tap';
import {
  FIRST_INT_PORT,
  formatPortRange,
  freePorts,
  nextIntPort,
  parsePortRange,
  rangeContains,
  rangeSize,
} from '../src/index.js';

const ranges = fc
  .tuple(fc.integer({ min: 1, max: 65535 }), fc.integer({ min: 1, max: 65535 }))
  .map(([a, b]) => ({ low: Math.min(a, b), high: Math.max(a, b) }));

t.test('port range - what is formatted is parsed, with blanks around the dash or without', (t) => {
  fc.assert(
    fc.property(ranges, fc.constantFrom('-', ' - ', '- ', ' -'), (range, dash) => {
      const read = parsePortRange(`${range.low}${dash}${range.high}`);
      return read !== undefined && formatPortRange(read) === formatPortRange(range);
    }),
  );
  t.end();
});

t.test('port range - anything else is refused', (t) => {
  for (const text of [
    '',
    '35000',
    '35000-',
    '-40000',
    '40000-35000',
    '0-10',
    '1-65536',
    '35000–40000',
    '1-2-3',
    'a-b',
  ]) {
    t.equal(parsePortRange(text), undefined, text);
  }
  t.end();
});

t.test('port range - is inclusive at both ends', (t) => {
  const range = { low: 35000, high: 40000 };
  t.equal(rangeSize(range), 5001);
  t.same(
    [34999, 35000, 40000, 40001].map((port) => rangeContains(range, port)),
    [false, true, true, false],
  );
  t.end();
});

t.test('free ports - every free port comes exactly once, no taken one ever', (t) => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.integer({ min: 100, max: 140 })),
      fc.infiniteStream(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })),
      (taken, numbers) => {
        const random = () => numbers.next().value as number;
        const drawn = [...freePorts({ low: 100, high: 140 }, new Set(taken), random)];
        const free = Array.from({ length: 41 }, (_, at) => 100 + at).filter((port) => !taken.includes(port));
        t.same(drawn.sort(), free);
      },
    ),
  );
  t.end();
});

t.test('free ports - each free port is equally likely to come first', (t) => {
  const seen = new Map<number, number>();
  // Every value the randomness can take, once: an exact count instead of a statistical one.
  for (let step = 0; step < 800; step++) {
    const [first] = freePorts({ low: 1, high: 10 }, new Set([3, 9]), () => step / 800);
    seen.set(first!, (seen.get(first!) ?? 0) + 1);
  }
  t.same(
    [...seen.values()],
    Array.from({ length: 8 }, () => 100),
  );
  t.end();
});

t.test('int_port - counts up from 4100 and skips what is taken', (t) => {
  t.equal(nextIntPort(new Set()), FIRST_INT_PORT);
  t.equal(nextIntPort(new Set([4100, 4101, 4103])), 4102);
  t.equal(nextIntPort({ has: () => true }), undefined);
  t.end();
});
