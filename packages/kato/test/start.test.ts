import { freePort } from '@harbor/testbed';
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { testHome, type ShownStatus, type TestHome } from './harness.js';

const run = promisify(execFile);
const NAMES = ['nats_server', 'harbor_redis', 'harbor_proxy_connector', 'harbor_node', 'harbor_gateway'];

let home: TestHome;
t.before(async () => {
  home = await testHome(t);
});

/** What is left in var/run and of the sockets. */
function traces(of: TestHome): string[] {
  const directory = join(of.dir, 'var');
  return [
    ...readdirSync(join(directory, 'run')),
    ...readdirSync(directory).filter((name) => name.endsWith('.sock')),
  ];
}

t.test('kato start - it returns when everything serves, and says so', async (t) => {
  const { code, out, err } = await home.kato('start');
  t.equal(code, 0, err);
  t.match(out, 'Harbor is running');
  t.notMatch(out + err, '\u001b', 'no escape codes where there is no terminal');
  const [health, ready] = await Promise.all([
    fetch(`http://127.0.0.1:${home.env.HARBOR_GATEWAY_PORT}/healthz`),
    home.kato('process', 'ready', 'harbor_gateway'),
  ]);
  t.equal(health.status, 200, 'the gateway answers at once');
  t.equal(ready.code, 0);
  t.strictSame(
    (await home.processes()).map(({ name, state }) => [name, state]),
    NAMES.map((name) => [name, 'RUNNING']),
  );
});

t.test('kato start - a second one says that it is running and exits 0, and starts nothing', async (t) => {
  const before = await home.processes();
  const supervisor = home.supervisor();
  const { code, out } = await home.kato('start');
  t.equal(code, 0);
  t.match(out, 'Harbor is running');
  t.strictSame(
    (await home.processes()).map(({ pid }) => pid),
    before.map(({ pid }) => pid),
  );
  t.equal(home.supervisor(), supervisor);
});

t.test('kato status --json - it has the shape of the contract, and nothing else', async (t) => {
  const status = (await home.json('status', '--json')) as ShownStatus;
  const shown = status.roles.flatMap(({ processes }) => processes);
  const running = (name: string) => {
    const { pid, uptime_s } = shown.find((each) => each.name === name)!;
    t.type(pid, 'number');
    t.type(uptime_s, 'number');
    return { name, state: 'RUNNING', pid, uptime_s, restarts: 0 };
  };
  t.strictSame(status, {
    node_id: 'harbor_node_1',
    roles: [
      { name: 'core', processes: ['nats_server', 'harbor_redis', 'harbor_gateway'].map(running) },
      { name: 'harbor', processes: ['harbor_proxy_connector', 'harbor_node'].map(running) },
    ],
    ports: { range: home.env.HARBOR_NODE_PORT_RANGE, used: 0, free: 10, cooling: 0, conflicts: [] },
  });
});

t.test('harbor_redis - it acknowledges only what is on disk, and asks for its password', async (t) => {
  const port = home.env.HARBOR_REDIS_PORT!;
  const ask = async (password: string, ...command: string[]) => {
    const env = { ...home.env, ...(password ? { REDISCLI_AUTH: password } : {}) };
    return (await run('redis-cli', ['-p', port, ...command], { env })).stdout;
  };
  const { redis_password } = home.secrets();
  t.match(await ask('', 'ping'), 'NOAUTH');
  t.equal(await ask(redis_password, 'config', 'get', 'appendfsync'), 'appendfsync\nalways\n');
  t.equal(await ask(redis_password, 'config', 'get', 'appendonly'), 'appendonly\nyes\n');
  t.equal(await ask(redis_password, 'config', 'get', 'maxmemory-policy'), 'maxmemory-policy\nnoeviction\n');
});

t.test('homes - a second supervisor of the same home ends at once', async (t) => {
  const supervisor = home.supervisor();
  const { code, err } = await home.kato('supervise');
  t.strictSame([code, err], [0, '']);
  t.equal(home.supervisor(), supervisor);
  t.ok(home.living().includes(supervisor));
});

t.test('homes - the logs of a home are in it, one per process', (t) => {
  const logs = readdirSync(join(home.dir, 'logs')).filter((name) => name.endsWith('.log'));
  t.strictSame(logs.sort(), [...NAMES, 'kato'].map((name) => `${name}.log`).sort());
  t.end();
});

t.test('homes - what Harbor keeps is for its owner only', async (t) => {
  const mode = (name: string) => statSync(join(home.dir, 'var', name)).mode & 0o777;
  t.strictSame([mode('.'), mode('secrets.json'), mode('kato.sock')], [0o700, 0o600, 0o600]);
});

t.test('kato stop and start - a process or a role alone, the others go on', async (t) => {
  t.equal((await home.kato('stop', 'harbor_gateway')).code, 0);
  const states = async () => (await home.processes()).map(({ state }) => state);
  t.strictSame(await states(), ['RUNNING', 'RUNNING', 'RUNNING', 'RUNNING', 'STOPPED']);
  const notReady = await home.kato('process', 'ready', 'harbor_gateway');
  t.equal(notReady.code, 1);
  t.match(notReady.err, 'harbor_gateway is not ready: STOPPED');
  const [waiting, starting] = await Promise.all([
    home.kato('process', 'ready', 'harbor_gateway', '--block', '60'),
    home.kato('process', 'start', 'harbor_gateway'),
  ]);
  t.strictSame([waiting.code, starting.code], [0, 0], 'ready --block waits until it serves');
  const before = await home.processes();
  t.equal((await home.kato('restart', 'harbor')).code, 0);
  const after = await home.processes();
  t.strictSame(
    await states(),
    NAMES.map(() => 'RUNNING'),
  );
  t.equal(after[0]!.pid, before[0]!.pid, 'NATS is of another role');
  t.ok(after.slice(1).every(({ pid }, at) => pid !== before[at + 1]!.pid));
});

t.test('homes - two of them run side by side without touching each other', async (t) => {
  const other = await testHome(t);
  await other.start();
  t.equal((await other.processes()).filter(({ state }) => state === 'RUNNING').length, 5);
  t.not(other.secrets().redis_password, home.secrets().redis_password);
  const before = await home.processes();
  t.equal((await other.kato('stop')).code, 0);
  t.ok(await other.allGone());
  t.strictSame(
    (await home.processes()).map(({ pid, state }) => [pid, state]),
    before.map(({ pid, state }) => [pid, state]),
  );
});

t.test('kato stop - it leaves no process, no pid file and no socket', async (t) => {
  t.strictSame(
    traces(home).sort(),
    [...NAMES, 'kato']
      .map((name) => `${name}.pid`)
      .concat('kato.sock', 'wanted.json')
      .sort(),
  );
  const { code, out } = await home.kato('stop');
  t.equal(code, 0);
  t.match(out, 'Harbor is stopped');
  t.ok(await home.allGone());
  t.strictSame(traces(home), []);
  t.equal((await home.kato('stop')).code, 0, 'and stopping what is stopped is done at once');
});

t.test('kato status - where nothing runs it says so and what to type', async (t) => {
  const { code, out, err } = await home.kato('status');
  t.equal(code, 0);
  t.match(out, /harbor_gateway +STOPPED/);
  t.match(err, 'kato start');
});

t.test('kato start - two at once start everything once', async (t) => {
  const outcomes = await Promise.all([home.kato('start'), home.kato('start')]);
  t.strictSame(
    outcomes.map(({ code }) => code),
    [0, 0],
    outcomes.map(({ err }) => err).join('\n'),
  );
  const processes = await home.processes();
  t.strictSame(
    processes.map(({ state, restarts }) => [state, restarts]),
    NAMES.map(() => ['RUNNING', 0]),
  );
  const known = [home.supervisor(), ...processes.map(({ pid }) => pid!)];
  t.ok(known.every((pid) => home.living().includes(pid)));
});

t.test(
  'kato start - a port that another process holds is a clear error, and nothing is left half-made',
  async (t) => {
    const server = createServer();
    const port = await freePort();
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    t.teardown(() => server.close());
    const other = await testHome(t, { HARBOR_REDIS_PORT: String(port) });
    const { code, out, err } = await other.kato('start');
    t.equal(code, 1);
    t.match(err, `harbor_redis needs port ${port}, which pid ${process.pid} (`);
    t.match(err, 'HARBOR_REDIS_PORT');
    t.match(err, 'harbor_redis: port: in etc/harbor.yaml');
    t.notMatch(out, 'is running');
    t.notOk(existsSync(join(other.dir, 'var/run/harbor_redis.pid')));
    server.close();
    t.equal((await other.kato('start')).code, 0, 'once it is free, start does it');
  },
);
