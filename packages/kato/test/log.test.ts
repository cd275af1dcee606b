import { temporaryDirectory } from '@harbor/testbed';
import { appendFileSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { LogReader } from '../src/logs/reader.js';
import { fieldsText, messageText, parseLogLine } from '../src/logs/line.js';
import { tailOf } from '../src/supervisor/log-end.js';
import { rotateRedisLog } from '../src/supervisor/redis-log.js';

t.test('log line - a line of Harbor is its message, its level, its time and its other fields', (t) => {
  const raw =
    '{"level":"warn","time":"2026-11-21T05:12:10.123Z","pid":7,"name":"harbor_node","event":"x","port":1,"msg":"m"}';
  t.strictSame(parseLogLine('harbor_node', raw), {
    process: 'harbor_node',
    time: Date.parse('2026-11-21T05:12:10.123Z'),
    level: 'warn',
    message: 'm',
    fields: { event: 'x', port: 1 },
    raw,
  });
  t.end();
});

t.test('log line - the lines of Redis and of NATS are read in their own forms', (t) => {
  const time = new Date(2026, 10, 21, 5, 12, 10, 123).getTime();
  t.match(parseLogLine('harbor_redis', '4711:M 21 Nov 2026 05:12:10.123 * Ready to accept connections'), {
    time,
    level: 'info',
    message: 'Ready to accept connections',
  });
  t.match(parseLogLine('harbor_redis', '4711:M 21 Nov 2026 05:12:10.123 # Short of memory'), {
    level: 'warn',
  });
  t.match(parseLogLine('nats_server', '[4711] 2026/11/21 05:12:10.123456 [INF] Server is ready'), {
    time,
    level: 'info',
    message: 'Server is ready',
  });
  t.match(parseLogLine('nats_server', '[4711] 2026/11/21 05:12:10.123456 [ERR] no'), { level: 'error' });
  t.end();
});

t.test('log line - what is in no known form is shown as it is', (t) => {
  for (const raw of ['', 'plain', '{"cut":', '    at main (x.js:1:1)', '[1] nothing']) {
    t.strictSame(parseLogLine('kato', raw), { process: 'kato', message: raw, fields: {}, raw });
  }
  t.equal(parseLogLine('kato', '{"time":"no time","msg":"m"}').time, undefined);
  t.end();
});

t.test('log line - what a client said in it commands no terminal and begins no line', (t) => {
  const hostile = 'a\u001b]0;x\u0007\u009b2J\r\nfatal b\tc';
  const shown = 'a\\u001b]0;x\\u0007\\u009b2J\\u000d\\u000afatal b\tc';
  const line = parseLogLine(
    'harbor_gateway',
    JSON.stringify({ msg: hostile, instance: hostile, [hostile]: 1 }),
  );
  t.equal(messageText(line), shown);
  t.strictSame(fieldsText(line.fields), [`instance=${shown}`, `${shown}=1`]);
  const [foreign] = [parseLogLine('nats_server', `[7] 2026/11/21 05:12:10.123456 [ERR] \u001b[2J`)];
  t.equal(messageText(foreign), '\\u001b[2J');
  t.end();
});

t.test('log reader - it gives the lines there are, then whole lines as they come', (t) => {
  const directory = temporaryDirectory();
  t.teardown(() => directory.remove());
  const path = join(directory.path, 'a.log');
  const reader = new LogReader('a', path);
  t.strictSame(reader.present(), [], 'there is no log yet');
  writeFileSync(path, 'one\ntwo\nthree\n');
  t.strictSame(reader.more(), ['one', 'two', 'three']);
  appendFileSync(path, 'fo');
  t.strictSame(reader.more(), []);
  appendFileSync(path, 'ur\nfive\n');
  t.strictSame(reader.more(), ['four', 'five']);
  t.strictSame(new LogReader('a', path).present(), ['one', 'two', 'three', 'four', 'five']);
  t.end();
});

t.test('log reader - of a long log it gives the newest megabyte, and no line that is cut', (t) => {
  const directory = temporaryDirectory();
  t.teardown(() => directory.remove());
  const path = join(directory.path, 'a.log');
  const line = (at: number): string => `${at} ${'é'.repeat(500)}`;
  writeFileSync(path, Array.from({ length: 1_500 }, (_, at) => `${line(at)}\n`).join(''));
  const lines = new LogReader('a', path).present();
  t.equal(lines.at(-1), line(1_499));
  t.ok(lines.length > 1_000 && lines.length < 1_100);
  t.strictSame(lines[0], line(1_500 - lines.length));
  t.end();
});

t.test('log reader - when the log is rotated nothing is lost and nothing comes twice', (t) => {
  const directory = temporaryDirectory();
  t.teardown(() => directory.remove());
  const path = join(directory.path, 'a.log');
  writeFileSync(path, 'one\n');
  const reader = new LogReader('a', path);
  t.strictSame(reader.present(), ['one']);
  appendFileSync(path, 'two\n');
  renameSync(path, `${path}.1`);
  t.strictSame(reader.more(), ['two']);
  appendFileSync(`${path}.1`, 'three\n');
  writeFileSync(path, 'four\n');
  t.strictSame(reader.more(), ['three', 'four']);
  writeFileSync(path, '');
  appendFileSync(path, 'é\n');
  t.strictSame(reader.more(), ['é'], 'also when it was emptied in place');
  t.end();
});

t.test('log end - an error shows the last fifteen lines of the log concerned', (t) => {
  const directory = temporaryDirectory();
  t.teardown(() => directory.remove());
  t.strictSame(tailOf(directory.path, 'a'), []);
  const lines = Array.from({ length: 2_000 }, (_, at) => `line ${at}`);
  writeFileSync(join(directory.path, 'a.log'), `${lines.join('\n')}\n`);
  t.strictSame(tailOf(directory.path, 'a'), lines.slice(-15));
  t.end();
});

t.test('redis log - above its size it is rotated, and as many old ones are kept as asked for', (t) => {
  const directory = temporaryDirectory();
  t.teardown(() => directory.remove());
  const path = join(directory.path, 'harbor_redis.log');
  rotateRedisLog(directory.path, 1, 2);
  for (const mark of ['a', 'b', 'c']) {
    writeFileSync(path, mark);
    rotateRedisLog(directory.path, 1, 2);
    t.ok(existsSync(path), 'a small one stays');
    writeFileSync(path, mark.repeat(1_048_576));
    rotateRedisLog(directory.path, 1, 2);
    t.notOk(existsSync(path), 'a large one goes');
  }
  t.equal(readFileSync(`${path}.1`, 'utf8')[0], 'c');
  t.equal(readFileSync(`${path}.2`, 'utf8')[0], 'b');
  t.notOk(existsSync(`${path}.3`));
  t.end();
});
