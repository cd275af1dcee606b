import { HarborError, ManualClock } from '@harbor/core';
import { once } from 'node:events';
import { lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { createLogger, limitedReporter, openLogFile } from '../src/index.js';

function directory(test: { teardown(task: () => void): void }): string {
  const dir = mkdtempSync(join(tmpdir(), 'harbor-log-'));
  test.teardown(() => rmSync(dir, { recursive: true }));
  return dir;
}
const options = { name: 'harbor_node', level: 'info', size: 1, count: 2 };
const lines = (path: string) =>
  readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

t.test('log - is JSON lines at exactly its path, written before the call returns', async (t) => {
  const dir = directory(t);
  const log = await createLogger({ ...options, dir });
  log.info({ event: 'x', port: 1 }, 'said');
  const [line] = lines(join(dir, 'harbor_node.log'));
  t.match(line, {
    level: 'info',
    name: 'harbor_node',
    pid: process.pid,
    event: 'x',
    port: 1,
    msg: 'said',
    time: /^\d{4}-.*Z$/,
  });
});

t.test('log - the path is the live log across rotation, and old files are limited', async (t) => {
  const dir = directory(t);
  const stream = await openLogFile({ dir, name: 'harbor_node', size: 1, count: 2 });
  const path = join(dir, 'harbor_node.log');
  const line = `${'x'.repeat(1_023)}\n`;
  const files = () => readdirSync(join(dir, 'rolled/harbor_node')).filter((name) => name !== 'current.log');
  for (let files = 0; files < 5; files++) {
    const removed =
      files >= 2 ? new Promise((resolve) => stream.once('cleanup-complete', resolve)) : undefined;
    for (let at = 0; at < 1_024; at++) stream.write(line);
    await new Promise((resolve) => setImmediate(resolve));
    await removed;
    stream.write(`live ${files}\n`);
    t.match(readFileSync(path, 'utf8'), new RegExp(`^live ${files}$`, 'm'));
  }
  t.ok(lstatSync(path).isSymbolicLink());
  // Old files go a moment after each rotation.
  while (files().length > 3) await once(stream, 'cleanup-complete');
  t.ok(files().length <= 3, `${files().length} files are kept`);
});

t.test('log - a file of the same name from before is moved aside, not lost', async (t) => {
  const dir = directory(t);
  writeFileSync(join(dir, 'harbor_node.log'), 'old\n');
  await openLogFile({ dir, name: 'harbor_node', size: 1, count: 2 });
  t.equal(readFileSync(join(dir, 'rolled/harbor_node/harbor_node.0.log'), 'utf8'), 'old\n');
});

t.test('log - goes on in the same file after a restart', async (t) => {
  const dir = directory(t);
  (await createLogger({ ...options, dir })).info('one');
  (await createLogger({ ...options, dir })).info('two');
  t.same(
    lines(join(dir, 'harbor_node.log')).map(({ msg }) => msg),
    ['one', 'two'],
  );
});

t.test('log - secrets never reach it: not in fields, not in URLs, not in errors', async (t) => {
  const dir = directory(t);
  const log = await createLogger({ ...options, dir });
  log.info(
    { password: 'hunter2', nested: { token: 'hunter2', deep: { authorization: 'hunter2' } } },
    'redis://:hunter2@localhost/0',
  );
  log.error({
    err: new HarborError('HARBOR_REDIS_UNAVAILABLE', 'nats://me:hunter2@a', {
      cause: new Error('tls://x:hunter2@b'),
    }),
  });
  log.error({ err: new Error('boom redis://u:hunter2@c') });
  const text = readFileSync(join(dir, 'harbor_node.log'), 'utf8');
  t.notMatch(text, /hunter2/);
  t.match(lines(join(dir, 'harbor_node.log'))[1]?.err, {
    code: 'HARBOR_REDIS_UNAVAILABLE',
    cause: { message: 'tls://…@b' },
  });
});

t.test('log - what a client says commands no terminal and makes no line of its own', async (t) => {
  const dir = directory(t);
  const log = await createLogger({ ...options, dir });
  const hostile = 'a\n{"level":"fatal"}\r\u001b[2J\u009b2J\u007f\u0000\u2028\u202egnp.exe';
  log.info({ event: 'audit', instance: hostile, deep: { [hostile]: [hostile] } }, hostile);
  log.error({ err: new HarborError('HARBOR_MESSAGE_INVALID', hostile) });
  const text = readFileSync(join(dir, 'harbor_node.log'), 'utf8');
  t.notMatch(text.replaceAll('\n', ''), /[\p{Cc}\u2028\u2029\u202e]/u);
  t.equal(text.split('\n').length, 3, 'two lines, and the end of the second');
  t.match(lines(join(dir, 'harbor_node.log')), [
    { msg: hostile, instance: hostile, deep: { [hostile]: [hostile] } },
    { err: { message: hostile } },
  ]);
});

t.test('limited reporter - logs once per kind and minute, with the count', (t) => {
  const clock = new ManualClock();
  const said: object[] = [];
  const reporter = limitedReporter(clock, { warn: (fields) => said.push(fields) });
  for (let at = 0; at < 50; at++) reporter.report('bad', { event: 'refused', reason: `no ${at}` });
  reporter.report('other', { event: 'refused', reason: 'else' });
  t.match(said, [
    { reason: 'no 0', count: 1 },
    { reason: 'else', count: 1 },
  ]);
  clock.advance(60_000);
  t.match(said.slice(2), [{ reason: 'no 49', count: 49 }]);
  t.equal(said.length, 3);
  reporter.report('bad', { event: 'refused', reason: 'again' });
  t.match(said[3], { reason: 'again', count: 1 });
  t.end();
});

t.test('limited reporter - kinds without end share one line', (t) => {
  const clock = new ManualClock();
  let said = 0;
  const reporter = limitedReporter(clock, { warn: () => said++ });
  for (let at = 0; at < 50_000; at++) reporter.report(`kind ${at}`, { event: 'x' });
  t.equal(said, 1_001);
  clock.advance(60_000);
  t.equal(said, 1_002);
  t.equal(clock.pending, 0);
  t.end();
});
