import { freePort, freeRange } from '../src/ports.js';
import t from 'tap';

t.test('free ports - asked for side by side, none is given twice and none is refused for gaps', async (t) => {
  const asked = await Promise.all(
    Array.from({ length: 60 }, async (_, at) => {
      if (at % 3 > 0) return [await freePort()];
      const { low, high } = await freeRange(20);
      return Array.from({ length: high - low + 1 }, (_, from) => low + from);
    }),
  );
  const ports = asked.flat();
  t.equal(ports.length, 20 * 20 + 40);
  t.equal(new Set(ports).size, ports.length);
});
