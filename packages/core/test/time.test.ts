import t from 'tap';
import { ManualClock, Restarts, within } from '../src/index.js';

t.test('restarts - the waits double up to 30 s, and begin anew after a run of 10 s', async (t) => {
  const restarts = new Restarts(() => 0);
  const after = (...runs: number[]): number[] => runs.map((ranFor) => restarts.wait(ranFor));
  t.strictSame(after(0, 0, 9_999, 0, 0, 0, 0, 0), [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
  t.strictSame(after(10_000, 0), [500, 1_000]);
});

t.test('within - work is waited for no longer than wanted, and no timer is left', async (t) => {
  const clock = new ManualClock();
  await within(clock, 100, Promise.resolve());
  await t.rejects(within(clock, 100, Promise.reject(new Error('it failed'))), /it failed/);
  t.equal(clock.pending, 0);
  const late = within(clock, 100, new Promise(() => undefined));
  clock.advance(100);
  await late;
});
