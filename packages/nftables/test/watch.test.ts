import { ManualClock } from '@harbor/core';
import t from 'tap';
import { TableWatch } from '../src/index.js';

function watched() {
  const clock = new ManualClock();
  const seen = { foreign: 0 };
  const watch = new TableWatch({ onForeignChange: () => seen.foreign++, clock, random: () => 0 });
  const transaction = (...lines: string[]): void => {
    for (const line of [...lines, '# new generation 7 by process 4711 (nft)']) watch.heard(line);
  };
  return { clock, seen, watch, transaction };
}

t.test('watch - a change of our table that is not ours is told, ours are not', (t) => {
  const { seen, watch, transaction } = watched();
  const ended = watch.expect();
  transaction('add rule inet harbor tcp_35000 counter');
  ended(true);
  t.equal(seen.foreign, 0);
  transaction('delete table inet harbor');
  t.equal(seen.foreign, 1);
  t.end();
});

t.test("watch - what happens to other people's tables is their business", (t) => {
  const { seen, transaction } = watched();
  transaction('add table ip foreign', 'add chain ip foreign input');
  t.equal(seen.foreign, 0);
  t.end();
});

t.test('watch - a transaction of ours that failed, or that we never heard of, hides no later one', (t) => {
  const { clock, seen, watch, transaction } = watched();
  watch.expect()(false);
  transaction('delete table inet harbor');
  t.equal(seen.foreign, 1, 'after one that failed');
  watch.expect()(true);
  clock.advance(1_000);
  transaction('delete table inet harbor');
  t.equal(seen.foreign, 2, 'after one that was made before the monitor listened');
  t.end();
});

t.test('watch - of two at once one is ours and one is not', (t) => {
  const { seen, watch, transaction } = watched();
  const ended = watch.expect();
  transaction('flush table inet harbor');
  transaction('add rule inet harbor tcp_35000 counter');
  ended(true);
  t.equal(seen.foreign, 1);
  t.end();
});

t.test('watch - where the kernel had more to tell than was heard, anything may have changed', (t) => {
  const { seen, watch } = watched();
  watch.heard('# ERROR: We lost some netlink events!');
  t.equal(seen.foreign, 1);
  t.end();
});
