import fc from 'fast-check';
import t from 'tap';
import { FirstComeQueue, formatAddress, Ring, type Backend } from '../src/index.js';

function backend(index: number, order = index): Backend {
  return {
    service: 's',
    transport: 'tcp',
    host: '10.0.0.1',
    port: 4100 + index,
    dea: 'd',
    app: 'a',
    instance: `i${index}`,
    index,
    order,
    since: 0,
  };
}

t.test('round-robin - N backends and N·k connections give each backend k, in order of the instances', (t) => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 5 }), (n, k) => {
      const ring = new Ring();
      ring.set(Array.from({ length: n }, (_, index) => backend(index, n - index)));
      const served = Array.from({ length: n * k }, () => ring.next()?.index);
      t.same(
        served,
        Array.from({ length: n * k }, (_, turn) => turn % n),
      );
    }),
  );
  t.end();
});

t.test('round-robin - members that come and go never make another be served twice or passed over', (t) => {
  fc.assert(
    fc.property(fc.array(fc.uniqueArray(fc.integer({ min: 10, max: 19 }))), (others) => {
      const stable = [backend(0), backend(5), backend(25), backend(30)];
      const ring = new Ring();
      const served: number[] = [];
      for (const each of others) {
        ring.set([...stable, ...each.map((index) => backend(index))]);
        const turn = ring.next();
        if (turn && stable.some((member) => member.index === turn.index)) served.push(turn.index!);
      }
      for (let at = 1; at < served.length; at++) {
        const order = [0, 5, 25, 30];
        const expected = order[(order.indexOf(served[at - 1]!) + 1) % 4];
        t.equal(served[at], expected);
      }
    }),
  );
  t.end();
});

t.test('round-robin - a backend that cannot be used is passed over and the rest share evenly', (t) => {
  const ring = new Ring();
  ring.set([backend(0), backend(1), backend(2)]);
  const alive = (each: Backend) => each.index !== 1;
  t.same(
    Array.from({ length: 6 }, () => ring.next(alive)?.index),
    [0, 2, 0, 2, 0, 2],
  );
  t.equal(
    ring.next(() => false),
    undefined,
  );
  t.end();
});

t.test('first come - the first is the primary and the next takes over when it goes', (t) => {
  const queue = new FirstComeQueue();
  queue.set([backend(7, 2), backend(3, 1), backend(1, 3)]);
  t.equal(queue.primary?.index, 3);
  queue.set([backend(7, 2), backend(1, 3)]);
  t.equal(queue.primary?.index, 7);
  queue.set([backend(7, 2), backend(1, 3), backend(3, 4)]);
  t.equal(queue.primary?.index, 7, 'one that comes back queues at the end');
  t.same(
    queue.members.map(({ index }) => index),
    [7, 1, 3],
  );
  t.end();
});

t.test('first come - a failed primary goes to the end until the state gives it a new place', (t) => {
  const queue = new FirstComeQueue();
  const members = [backend(0, 1), backend(1, 2), backend(2, 3)];
  queue.set(members);
  t.equal(queue.fail(members[0]!, 0), true);
  t.same(
    queue.members.map(({ index }) => index),
    [1, 2, 0],
  );
  queue.fail(members[1]!, 0);
  t.same(
    queue.members.map(({ index }) => index),
    [2, 0, 1],
    'in the order in which they failed',
  );
  queue.set(members);
  t.equal(queue.primary?.index, 2, 'the same state changes nothing');
  queue.set([backend(0, 4), backend(1, 2), backend(2, 3)]);
  t.same(
    queue.members.map(({ index }) => index),
    [2, 0, 1],
  );
  t.end();
});

t.test('first come - the only backend stays the primary though it fails', (t) => {
  const queue = new FirstComeQueue();
  queue.set([backend(0)]);
  t.equal(queue.fail(backend(0), 0), false);
  t.equal(queue.primary?.index, 0);
  t.end();
});

t.test('address - IPv6 stands in brackets', (t) => {
  t.equal(formatAddress({ host: '::1', port: 1 }), '[::1]:1');
  t.equal(formatAddress({ host: '127.0.0.1', port: 1 }), '127.0.0.1:1');
  t.end();
});
