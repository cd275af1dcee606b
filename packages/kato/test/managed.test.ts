import { ManualClock } from '@harbor/core';
import { createLogger } from '@harbor/log';
import { eventually, temporaryDirectory } from '@harbor/testbed';
import t, { type Test } from 'tap';
import type { ProcessSpec } from '../src/processes/spec.js';
import { ManagedProcess } from '../src/supervisor/managed.js';
import { PidFile } from '../src/supervisor/pid-file.js';

const STUBBORN =
  "process.on('SIGTERM', () => 0); setInterval(() => 0, 1000); process.send({ type: 'ready' });";
const WELL = "setInterval(() => 0, 1000); process.send({ type: 'ready' });";

/** A process that runs a line of JavaScript, with a clock that is turned by hand. */
async function managed(t: Test, code: string, prepare?: () => Promise<void>) {
  const directory = temporaryDirectory();
  const clock = new ManualClock(1_000);
  const spec: ProcessSpec = { command: process.execPath, args: ['-e', code], log: '' };
  const one = new ManagedProcess({
    name: 'harbor_node',
    prepare: async () => {
      await prepare?.();
      return spec;
    },
    env: { PATH: process.env.PATH },
    pidFile: new PidFile(directory.path, 'harbor_node'),
    readyTimeout: () => 60_000,
    stopTimeout: () => 15_000,
    clock,
    random: () => 0,
    log: await createLogger({ name: 'kato', dir: directory.path, level: 'info', size: 1, count: 1 }),
  });
  t.teardown(() => {
    if (one.life.pid !== undefined && one.life.state !== 'STOPPED') process.kill(one.life.pid, 'SIGKILL');
    directory.remove();
  });
  return { one, clock };
}

t.test('a process - start resolves when it says that it serves, stop when it has gone', async (t) => {
  const { one } = await managed(t, WELL);
  await one.start();
  t.match(one.life, { state: 'RUNNING', pid: Number });
  await one.stop();
  t.match(one.life, { state: 'STOPPED', pid: undefined });
});

t.test(
  'a process - one that does not end when it is asked to is killed after the stop timeout',
  async (t) => {
    const { one, clock } = await managed(t, STUBBORN);
    await one.start();
    const stopped = one.stop();
    clock.advance(14_999);
    t.equal(one.life.state, 'STOPPING');
    clock.advance(1);
    await stopped;
    t.equal(one.life.state, 'STOPPED');
  },
);

t.test('a process - one that does not serve in time is killed and tried again', async (t) => {
  const { one, clock } = await managed(t, 'setInterval(() => 0, 1000)');
  const started = one.start();
  await eventually('it to be spawned', () => one.life.pid !== undefined);
  clock.advance(60_000);
  await eventually('BACKOFF', () => one.life.state === 'BACKOFF');
  t.match(one.life, { reason: 'it did not serve in time', crashes: 1 });
  const refused = t.rejects(started, { code: 'HARBOR_PROCESS_FATAL', message: 'harbor_node: it is STOPPED' });
  await one.stop();
  await refused;
});

t.test('a process - one that crashes six times is FATAL, and what it said is kept', async (t) => {
  const { one, clock } = await managed(t, "console.error('no such luck'); process.exit(3)");
  const refused = t.rejects(one.start(), {
    code: 'HARBOR_PROCESS_FATAL',
    message: 'harbor_node: ended with exit code 3',
  });
  for (let restarts = 0; restarts < 5; restarts++) {
    await eventually('BACKOFF', () => one.life.state === 'BACKOFF' && one.life.restarts === restarts);
    clock.advance(15_000);
  }
  await refused;
  t.match(one.life, { state: 'FATAL', restarts: 5, pid: undefined });
  await eventually('its output', () => one.output.includes('no such luck'));
});

t.test('a process - a failure that starting again cannot mend is not tried again', async (t) => {
  const failed = { type: 'failed', code: 'HARBOR_CONFIG_INVALID', message: 'x.y must be z' };
  const { one } = await managed(t, `process.send(${JSON.stringify(failed)}, () => process.exit(1))`);
  await t.rejects(one.start(), { code: 'HARBOR_CONFIG_INVALID', message: 'harbor_node: x.y must be z' });
  t.match(one.life, { state: 'FATAL', restarts: 0 });
});

t.test('a process - stopped and started while it is still being prepared, it is spawned once', async (t) => {
  const gates: (() => void)[] = [];
  const { one } = await managed(t, WELL, () => new Promise<void>((resolve) => gates.push(resolve)));
  const first = t.rejects(one.start(), { message: /it is STOPPED/ });
  await eventually('it to be prepared', () => gates.length === 1);
  await one.stop();
  await first;
  const second = one.start();
  await eventually('it to be prepared again', () => gates.length === 2);
  gates[0]!();
  await new Promise((resolve) => setImmediate(resolve));
  t.equal(one.life.pid, undefined, 'the start that was called off spawns nothing');
  gates[1]!();
  await second;
  t.equal(one.life.state, 'RUNNING');
  await one.stop();
});
