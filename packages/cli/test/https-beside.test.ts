import { ManualClock } from '@harbor/core';
import { eventually } from '@harbor/testbed';
import t from 'tap';
import { httpsBeside } from '../src/dea/https.js';

t.test('https - a proxy that ends after it ran well begins anew with its waits', async (t) => {
  const clock = new ManualClock();
  const lines: string[] = [];
  let starts = 0;
  const proxy = httpsBeside({
    needed: { service: 'web-https', listens: 1, upstream: 2, proxyProtocol: false },
    berth: {
      services: [],
      command: () => {
        starts++;
        return ['sleep', '1000'];
      },
      holdsUdp: () => false,
      leave: () => Promise.resolve(),
    },
    root: '/',
    env: process.env,
    killTimeout: 1_000,
    instances: 1,
    clock,
    random: () => 0,
    onLine: (line) => lines.push(line),
  });
  t.teardown(() => proxy.stop());
  /** Ends the proxy and makes sure that it is started again after this long, and not before, ms. */
  const endAndWait = async (wait: number): Promise<void> => {
    const [before, said] = [starts, lines.length];
    proxy.kill();
    await eventually('its end to be noticed', () => lines.length > said);
    t.match(lines.at(-1), /^web-https: its HTTPS proxy ended by SIGKILL; it is started again$/);
    clock.advance(wait - 1);
    t.equal(starts, before, `not before ${wait} ms`);
    clock.advance(1);
    t.equal(starts, before + 1, `after ${wait} ms`);
  };
  await endAndWait(500);
  await endAndWait(1_000);
  clock.advance(9_999);
  await endAndWait(2_000);
  clock.advance(10_000);
  await endAndWait(500);
});
