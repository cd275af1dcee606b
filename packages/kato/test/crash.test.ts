import { commandOf } from '@harbor/machine';
import { eventually } from '@harbor/testbed';
import t from 'tap';
import { kill, testHome, type Shown, type TestHome } from './harness.js';

const NAMES = ['nats_server', 'harbor_redis', 'harbor_proxy_connector', 'harbor_node', 'harbor_gateway'];

let home: TestHome;
t.before(async () => {
  home = await testHome(t);
  await home.start();
});

/** Resolves when all five serve, and none of them as one of the pids given. */
function allServe(not: readonly number[] = []): Promise<Shown[]> {
  return eventually('everything to serve again', async () => {
    const processes = await home.processes();
    const well = processes.filter(
      ({ state, pid }) => state === 'RUNNING' && pid !== null && !not.includes(pid),
    );
    return well.length === NAMES.length && processes;
  });
}

async function gatewayAnswers(): Promise<boolean> {
  return (await fetch(`http://127.0.0.1:${home.env.HARBOR_GATEWAY_PORT}/healthz`)).status === 200;
}

t.test(
  'a crash - the supervisor is killed as soon as start has returned, and everything comes back',
  async (t) => {
    const before = await home.processes();
    const supervisor = home.supervisor();
    kill(supervisor);
    await eventually('another supervisor', () => home.supervisor() !== supervisor);
    const after = await allServe(before.map(({ pid }) => pid!));
    t.strictSame(
      after.map(({ name }) => name),
      NAMES,
    );
    t.ok(await eventually('the gateway to answer', gatewayAnswers));
  },
);

t.test('a crash - what was stopped on purpose stays stopped when the supervisor is killed', async (t) => {
  t.equal((await home.kato('stop', 'harbor_gateway')).code, 0);
  const supervisor = home.supervisor();
  kill(supervisor);
  await eventually('another supervisor', () => home.supervisor() !== supervisor);
  t.equal((await home.kato('process', 'ready', 'harbor_node', '--block', '60')).code, 0);
  const processes = await home.processes();
  t.equal(processes.find(({ name }) => name === 'harbor_gateway')?.state, 'STOPPED');
  await home.start();
});

t.test('a crash - whoever guards the supervisor may be killed too', async (t) => {
  const guards = () => home.living().filter((pid) => commandOf(pid).endsWith('kato guard'));
  const before = guards();
  t.equal(before.length, 1, 'there is one guard');
  before.forEach(kill);
  await eventually('another guard', () => guards().some((pid) => !before.includes(pid)));
  await allServe();
  const supervisor = home.supervisor();
  kill(supervisor);
  await eventually('another supervisor', () => home.supervisor() !== supervisor);
  await allServe();
  t.pass('and the next one does its work');
});

for (const name of NAMES) {
  t.test(`a crash - ${name} is killed, comes back by itself, and the restart is counted`, async (t) => {
    const before = (await home.processes()).find((each) => each.name === name)!;
    const killed = Date.now();
    kill(before.pid!);
    const after = (await allServe([before.pid!])).find((each) => each.name === name)!;
    t.equal(after.restarts, before.restarts + 1);
    t.ok((after.uptime_s ?? Infinity) <= (Date.now() - killed) / 1_000, 'its uptime begins anew');
    t.ok(await eventually('the gateway to answer', gatewayAnswers));
  });
}

t.test('a crash - supervisor and guard killed at once: kato start brings back everything', async (t) => {
  const before = home.living();
  // A guard that is killed after its supervisor may just have started another one.
  await eventually('all of them to be gone', () => {
    const left = home.living();
    left.forEach(kill);
    return left.length === 0;
  });
  const { code, err } = await home.kato('start');
  t.equal(code, 0, err);
  t.notOk(home.living().some((pid) => before.includes(pid)));
  t.strictSame(
    (await allServe()).map(({ restarts }) => restarts),
    [0, 0, 0, 0, 0],
  );
});
