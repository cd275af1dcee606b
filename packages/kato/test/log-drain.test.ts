import { eventually, freePort, runCommand, CHECKOUT, temporaryDirectory, TestHarbor } from '@harbor/testbed';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { Drain } from '../src/drain/drain.js';
import type { DrainStatus } from '../src/drain/forwarder.js';
import { tcpReceiver } from './support/receivers.js';

type Line = Readonly<Record<string, unknown>>;

t.test('without a running Harbor drains are kept for its start, and what is wrong is refused', async (t) => {
  const directory = temporaryDirectory();
  t.teardown(() => directory.remove());
  const env = { PATH: process.env.PATH, HOME: directory.path, HARBOR_HOME: directory.path };
  const drain = (...args: string[]) =>
    runCommand(process.execPath, [join(CHECKOUT, 'bin/kato'), 'log', 'drain', ...args], { env });

  t.match(await drain('list'), { code: 0, stdout: /no drains/ });
  t.match(await drain('list', '--json'), { code: 0, stdout: '[]\n' });
  t.match(
    await drain('add', 'central', 'tcp://127.0.0.1:5140', 'harbor_node', 'kato', '--format', 'syslog'),
    {
      code: 0,
      stdout: /central/,
    },
  );
  const list = JSON.parse((await drain('list', '--json')).stdout) as Drain[];
  const central = { name: 'central', url: 'tcp://127.0.0.1:5140', processes: ['harbor_node', 'kato'] };
  t.same(list, [{ ...central, format: 'syslog' }]);
  t.match(await drain('list'), { stdout: /^central +tcp:\/\/127\.0\.0\.1:5140 +syslog +harbor_node kato$/m });

  const refused: readonly (readonly [RegExp, ...string[]])[] = [
    [/drain central already/, 'add', 'central', 'tcp://127.0.0.1:1'],
    [/no log of nginx/, 'add', 'b', 'tcp://127.0.0.1:1', 'nginx'],
    [/must be tcp:\/\/HOST:PORT/, 'add', 'b', 'http://127.0.0.1:1'],
    [/belongs to a tls:\/\/ drain/, 'add', 'b', 'tcp://127.0.0.1:1', '--ca', 'ca.pem'],
    [/xml must be one of/, 'add', 'b', 'tcp://127.0.0.1:1', '-f', 'xml'],
  ];
  for (const [why, ...args] of refused) {
    const { code, stderr } = await drain(...args);
    t.equal(code, 2, args.join(' '));
    t.match(stderr, why);
    t.match(stderr, /HARBOR_USAGE/);
  }
  const ca = await drain('add', 'b', 'tls://127.0.0.1:1', '--ca', join(directory.path, 'no.pem'));
  t.match(ca, { code: 1, stderr: /no\.pem cannot be read.*HARBOR_CONFIG_INVALID/ });
  t.match(await drain('delete', 'other'), { code: 1, stderr: /HARBOR_DRAIN_NOT_FOUND/ });
  t.match(await drain('status'), { code: 1, stderr: /not running.*HARBOR_NOT_RUNNING/ });
  t.match(await drain('status', '--json'), { code: 1, stdout: '', stderr: /HARBOR_NOT_RUNNING/ });
  for (const command of [[], ['add'], ['delete'], ['list'], ['status']])
    t.match(await drain(...command, '--help'), { code: 0, stdout: /Examples:/ });
  t.match(await drain('delete', 'central'), { code: 0 });
  t.match(await drain('list', '--json'), { stdout: '[]\n' });

  await Promise.all(['a', 'b', 'c', 'd'].map((name) => drain('add', name, 'udp://127.0.0.1:1')));
  const names = (JSON.parse((await drain('list', '--json')).stdout) as Drain[]).map(({ name }) => name);
  t.same(names.sort(), ['a', 'b', 'c', 'd'], 'commands at once do not undo each other');

  const file = join(directory.path, 'var/drains.json');
  t.equal(statSync(file).mode & 0o777, 0o600);
  writeFileSync(file, '{"drains": 7}');
  for (const args of [['list'], ['add', 'e', 'udp://127.0.0.1:1'], ['delete', 'a']])
    t.match(await drain(...args), { code: 1, stderr: /drains\.json: drains: .*HARBOR_CONFIG_INVALID/ });
  t.equal(readFileSync(file, 'utf8'), '{"drains": 7}');
});

t.test('a running Harbor sends its logs where it is told, whatever becomes of one drain', async (t) => {
  const harbor = await TestHarbor.start(t);
  const central = await tcpReceiver(t);
  const second = await tcpReceiver(t);
  const downPort = await freePort();
  const add = (...args: string[]) => harbor.must('kato', 'log', 'drain', 'add', ...args);
  const status = async (name: string): Promise<DrainStatus | undefined> => {
    const all = JSON.parse(await harbor.must('kato', 'log', 'drain', 'status', '--json')) as DrainStatus[];
    return all.find((each) => each.name === name);
  };
  const from = (lines: readonly string[], process: string): Line[] =>
    lines.map((each) => JSON.parse(each) as Line).filter((each) => each.process === process);

  await add('central', central.url, 'harbor_node');
  await add('down', `tcp://127.0.0.1:${downPort}`);
  await harbor.must('kato', 'process', 'restart', 'harbor_node');
  const started = await harbor.logged('harbor_node', () => true);
  t.type(started.msg, 'string');
  await eventually('the lines of harbor_node.log', () => {
    const logged = harbor.log('harbor_node').map(({ msg }) => msg);
    const got = from(central.lines, 'harbor_node').map(({ message }) => message);
    return got.length > 1 && logged.slice(-got.length).join() === got.join();
  });
  t.same(
    central.lines.filter((each) => (JSON.parse(each) as Line).process !== 'harbor_node'),
    [],
    'of no other process',
  );

  const down = await eventually('the other to have failed', async () => {
    const now = await status('down');
    return now?.last_error !== null && now;
  });
  t.match(down, { sent: 0, last_error: /ECONNREFUSED/ });
  t.ok(down.queued > 0);
  t.match(await status('central'), { state: 'connected', dropped: 0, last_error: null });
  const { roles } = await harbor.status();
  for (const { name, state } of roles.flatMap(({ processes }) => processes)) t.equal(state, 'RUNNING', name);
  t.match(await harbor.create('web'), { port: Number }, 'and it serves');

  await add('second', second.url, 'kato', 'harbor_node', '-f', 'raw');
  await eventually('to be connected', async () => (await status('second'))?.state === 'connected');
  await central.close();
  await harbor.must('kato', 'process', 'restart', 'harbor_node');
  await eventually('the second to go on alone', () =>
    second.lines.some((each) => each.includes('"harbor_node"')),
  );
  await eventually('the first to be missed', async () => (await status('central'))?.state !== 'connected');

  const back = await tcpReceiver(t, downPort);
  await eventually(
    'what waited for the one that was down',
    () => from(back.lines, 'harbor_node').length > 0,
    90_000,
  );
  await harbor.must('kato', 'log', 'drain', 'delete', 'central');
  t.equal(await status('central'), undefined);

  writeFileSync(join(harbor.home, 'var/drains.json'), 'broken');
  t.match(await harbor.kato('log', 'drain', 'delete', 'second'), {
    code: 1,
    stderr: /HARBOR_CONFIG_INVALID/,
  });
  t.equal((await status('second'))?.state, 'connected');

  const before = second.lines.length;
  t.match(await harbor.kato('stop'), { code: 0 });
  await eventually('the last lines, which are sent before the end', () =>
    second.lines.slice(before).some((each) => each.includes('harbor_redis STOPPED')),
  );
});
