import { eventually, temporaryDirectory } from '@harbor/testbed';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { kill, testHome, type TestHome } from './harness.js';

const LOGS = [
  'harbor_gateway.log',
  'harbor_node.log',
  'harbor_proxy_connector.log',
  'harbor_redis.log',
  'kato.log',
  'nats_server.log',
];
const elsewhere = temporaryDirectory();

let home: TestHome;
t.before(async () => {
  // The last thing to be done: the servers write to it until they have ended.
  t.teardown(() => elsewhere.remove());
  home = await testHome(t, { HARBOR_LOG_DIR: elsewhere.path });
  await home.start();
});

const logsIn = (directory: string): string[] =>
  readdirSync(directory)
    .filter((name) => name.endsWith('.log'))
    .sort();

t.test('logs - they are exactly those of the contract, where HARBOR_LOG_DIR says', async (t) => {
  t.strictSame(logsIn(elsewhere.path), LOGS);
  t.ok(
    LOGS.every((name) => statSync(join(elsewhere.path, name)).size > 0),
    'each of them is written to',
  );
  t.throws(() => readdirSync(join(home.dir, 'logs')), { code: 'ENOENT' }, 'and none are anywhere else');
});

t.test("logs - Harbor's own are lines of JSON with their time, level, process and message", async (t) => {
  for (const name of LOGS.filter((each) => !/redis|nats/.test(each))) {
    const lines = readFileSync(join(elsewhere.path, name), 'utf8').trimEnd().split('\n');
    for (const line of lines) {
      const { time, level, name: process, msg } = JSON.parse(line) as Record<string, unknown>;
      if (Number.isNaN(Date.parse(String(time))) || typeof level !== 'string' || typeof msg !== 'string')
        t.fail(line);
      if (`${String(process)}.log` !== name) t.fail(line);
    }
    t.ok(lines.length > 0, name);
  }
});

t.test('log tail - it shows the logs where they are', async (t) => {
  const { code, out } = await home.kato('log', 'tail', '--no-follow', '--json', '-n', '500');
  t.equal(code, 0);
  const lines = out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { process: string; time: string });
  t.strictSame([...new Set(lines.map(({ process }) => `${process}.log`))].sort(), LOGS);
  const times = lines.flatMap(({ time }) => (time ? [Date.parse(time)] : []));
  t.ok(
    times.every((time, at) => at === 0 || time >= times[at - 1]!),
    'in the order of time',
  );
});

t.test('logs - no secret is in any of them, whatever has happened', async (t) => {
  const secrets = home.secrets();
  const authorization = `Basic ${Buffer.from(`${secrets.gateway_username}:${secrets.gateway_password}`).toString('base64')}`;
  const url = `http://127.0.0.1:${home.env.HARBOR_GATEWAY_PORT}`;
  const broker = { authorization, 'x-broker-api-version': '2.17' };
  t.equal((await fetch(`${url}/v2/catalog`, { headers: broker })).status, 200);
  t.equal(
    (await fetch(`${url}/v2/catalog`, { headers: { authorization: 'Basic d3Jvbmc6d3Jvbmc=' } })).status,
    401,
  );
  await fetch(`${url}/gateway/v1/configurations/x`, {
    headers: { 'x-vcap-service-token': secrets.gateway_token },
  });
  await fetch(`${url}/nothing?token=${secrets.gateway_token}`);
  const set = await home.kato('config', 'set', 'harbor_gateway', 'password', 'set-by-hand-and-secret');
  t.equal(set.code, 0);
  // Servers that go away are what is complained about with their addresses.
  for (const name of ['harbor_redis', 'nats_server']) {
    const pid = await home.pidOf(name);
    kill(pid);
    await eventually(`${name} to be back`, async () => {
      const now = (await home.processes()).find((each) => each.name === name)!;
      return now.state === 'RUNNING' && now.pid !== pid;
    });
  }
  t.equal((await home.kato('restart', 'harbor')).code, 0);
  const values = Object.entries({
    ...secrets,
    set: 'set-by-hand-and-secret',
    authorization: authorization.slice(6),
  });
  for (const name of LOGS) {
    const text = readFileSync(join(elsewhere.path, name), 'utf8');
    for (const [key, value] of values)
      if (key !== 'gateway_username') t.notOk(text.includes(value), `${name} without ${key}`);
  }
});
