import t from 'tap';
import { ManualClock, Reconciler, type Scope } from '../src/index.js';

function harness(fail: (attempt: number) => boolean = () => false) {
  const clock = new ManualClock();
  const applied: Scope<string>[] = [];
  const failures: number[] = [];
  const reconciler = new Reconciler<string>({
    apply: async (scope) => {
      applied.push(scope);
      if (fail(applied.length)) throw new Error('no');
    },
    clock,
    random: () => 0,
    onFailure: (_error, attempt) => failures.push(attempt),
    backoff: { first: 100, most: 1_000 },
  });
  return { clock, applied, failures, reconciler };
}

t.test('reconciler - a burst of touches is one application of all their keys', async (t) => {
  const { reconciler, applied } = harness();
  reconciler.touch(['a']);
  reconciler.touch(['b', 'a']);
  t.equal(reconciler.idle, false);
  await reconciler.settled();
  t.same(applied, [new Set(['a', 'b'])]);
  t.equal(reconciler.idle, true);
});

t.test('reconciler - what is touched while it works is applied once more', async (t) => {
  const { reconciler, applied } = harness();
  reconciler.touch(['a']);
  await Promise.resolve();
  reconciler.touch(['b']);
  reconciler.touch(['c']);
  await reconciler.settled();
  t.same(applied, [new Set(['a']), new Set(['b', 'c'])]);
});

t.test(
  'reconciler - after a failure it waits, longer each time, and then brings everything in line',
  async (t) => {
    const { reconciler, applied, failures, clock } = harness((attempt) => attempt < 3);
    reconciler.touch(['a']);
    await turn();
    reconciler.touch(['b']);
    await turn();
    t.equal(applied.length, 1, 'nothing before the wait is over');
    clock.advance(99);
    await turn();
    t.equal(applied.length, 1);
    clock.advance(1);
    await turn();
    clock.advance(200);
    await reconciler.settled();
    t.same(applied, [new Set(['a']), 'all', 'all']);
    t.same(failures, [0, 1]);
  },
);

t.test('reconciler - can be told not to wait', async (t) => {
  const { reconciler, applied } = harness((attempt) => attempt === 1);
  reconciler.touch(['a']);
  await turn();
  reconciler.retryNow();
  await reconciler.settled();
  t.equal(applied.length, 2);
});

t.test('reconciler - closed, it does nothing more and nobody waits for it', async (t) => {
  const { reconciler, applied, clock } = harness(() => true);
  reconciler.touch(['a']);
  await turn();
  const settled = reconciler.settled();
  reconciler.close();
  await settled;
  clock.advance(10_000);
  reconciler.touch(['b']);
  await turn();
  t.equal(applied.length, 1);
  t.equal(clock.pending, 0);
});

/** Lets everything that is ready in this turn happen. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
