import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { testHome, type TestHome } from './harness.js';

const NODE = [
  '{"level":"info","time":"2026-11-21T05:00:01.000Z","pid":1,"name":"harbor_node","msg":"first"}',
  '    a line that names no time',
  '{"level":"error","time":"2026-11-21T05:00:04.000Z","pid":1,"name":"harbor_node","port":7,"msg":"fourth"}',
];
const KATO = [
  '{"level":"info","time":"2026-11-21T05:00:03.000Z","pid":2,"name":"kato","process":"other","msg":"third"}',
];
const REDIS = ['a title', '7:M 21 Nov 2026 05:00:02.000 * second'];

let home: TestHome;
t.before(async () => {
  home = await testHome(t, { TZ: 'UTC' });
  const logs = join(home.dir, 'logs');
  mkdirSync(join(logs, 'rolled'), { recursive: true });
  // As pino-roll leaves it: the name people know is a link.
  writeFileSync(join(logs, 'rolled', 'node.1'), `${NODE.join('\n')}\n`);
  symlinkSync('rolled/node.1', join(logs, 'harbor_node.log'));
  writeFileSync(join(logs, 'kato.log'), `${KATO.join('\n')}\n`);
  writeFileSync(join(logs, 'harbor_redis.log'), `${REDIS.join('\n')}\n`);
});

async function tail(...args: readonly string[]): Promise<string[]> {
  const { code, out, err } = await home.kato('log', 'tail', '--no-follow', ...args);
  t.equal(code, 0, err);
  t.notMatch(out, '\u001b', 'no escape codes where there is no terminal');
  return out.split('\n').slice(0, -1);
}

t.test('log tail - all logs are merged by time, readable, each line with its process', async (t) => {
  t.strictSame(await tail(), [
    'harbor_node first',
    'harbor_node     a line that names no time',
    'harbor_redis a title',
    'harbor_redis second',
    'kato third process=other',
    'harbor_node error fourth port=7',
  ]);
});

t.test('log tail --time - with the time', async (t) => {
  t.strictSame(await tail('--time', 'kato'), ['2026-11-21T05:00:03.000Z kato third process=other']);
});

t.test('log tail --raw - the lines as they are, of the logs that are named', async (t) => {
  t.strictSame(await tail('--raw', 'harbor_node'), NODE);
  t.strictSame(await tail('--raw', 'harbor_redis', 'kato'), [...REDIS, ...KATO]);
});

t.test('log tail --json - one object per line, which says whose log it is in', async (t) => {
  const lines = (await tail('--json')).map((line) => JSON.parse(line) as Record<string, unknown>);
  t.strictSame(lines[4], {
    process: 'kato',
    time: '2026-11-21T05:00:03.000Z',
    level: 'info',
    message: 'third',
  });
  t.strictSame(lines[5], {
    process: 'harbor_node',
    time: '2026-11-21T05:00:04.000Z',
    level: 'error',
    message: 'fourth',
    port: 7,
  });
  t.strictSame(lines[2], { process: 'harbor_redis', message: 'a title' });
});

t.test('log tail -n - that many lines of all of them together, the newest', async (t) => {
  t.strictSame(await tail('-n', '2', '--raw'), [KATO[0], NODE[2]]);
  t.strictSame(await tail('-n', '0'), []);
});

t.test('log tail - a log that nobody keeps is wrong usage, and so is a number that is none', async (t) => {
  const unknown = await home.kato('log', 'tail', 'harbour', '--no-follow');
  t.equal(unknown.code, 2);
  t.match(unknown.err, /no log of harbour; there are .*harbor_node.*kato/);
  t.equal((await home.kato('log', 'tail', '-n', 'many', '--no-follow')).code, 2);
});
