import t from 'tap';
import { parseLogLine } from '../src/logs/line.js';
import { encode } from '../src/drain/format.js';
import { LineQueue } from '../src/drain/queue.js';

const TCP = { protocol: 'tcp', host: 'logs', port: 1 } as const;
const UDP = { ...TCP, protocol: 'udp' } as const;
const RAW =
  '{"level":"warn","time":"2026-11-21T05:12:10.123Z","pid":7,"name":"harbor_node","event":"pruned","port":35001,"msg":"gone: ä"}';
const line = parseLogLine('harbor_node', RAW);
const redis = parseLogLine('harbor_redis', 'no time in here');

t.test('json is what kato log tail --json shows, one object per line', async (t) => {
  const text = encode(line, 'json', TCP, 'm1').toString();
  t.ok(text.endsWith('}\n'));
  t.same(JSON.parse(text), {
    process: 'harbor_node',
    time: '2026-11-21T05:12:10.123Z',
    level: 'warn',
    message: 'gone: ä',
    event: 'pruned',
    port: 35001,
  });
});

t.test('raw is the line itself', async (t) => {
  t.equal(encode(line, 'raw', TCP, 'm1').toString(), `${RAW}\n`);
  t.equal(encode(redis, 'raw', TCP, 'm1').toString(), 'no time in here\n');
});

t.test('a datagram is one line and has no newline', async (t) => {
  t.equal(encode(line, 'raw', UDP, 'm1').toString(), RAW);
});

t.test('syslog is RFC 5424, with the severity of the level and the event as its MSGID', async (t) => {
  t.equal(
    encode(line, 'syslog', UDP, 'm1').toString(),
    '<28>1 2026-11-21T05:12:10.123Z m1 harbor_node - pruned - gone: ä port=35001',
  );
  t.equal(encode(redis, 'syslog', UDP, '').toString(), '<30>1 - - harbor_redis - - - no time in here');
});

t.test('header fields of syslog are printable ASCII of the length allowed', async (t) => {
  const odd = { ...redis, fields: { event: `a b\nä${'x'.repeat(40)}` } };
  t.match(encode(odd, 'syslog', UDP, 'mä chine').toString(), /^<30>1 - mchine harbor_redis - abx{30} - /);
});

t.test('syslog over TCP is counted in octets, not in characters', async (t) => {
  const [, count, rest] = /^(\d+) (.*)$/s.exec(encode(line, 'syslog', TCP, 'm1').toString()) ?? [];
  t.equal(Number(count), Buffer.byteLength(rest ?? ''));
  t.not(Number(count), rest?.length);
});

t.test('a line too long for a datagram is cut between two characters', async (t) => {
  const bytes = encode(parseLogLine('kato', `x${'ä'.repeat(40_000)}`), 'raw', UDP, 'm1');
  t.ok(bytes.length <= 65_000 && bytes.length > 64_990);
  t.notMatch(bytes.toString(), /\uFFFD/);
});

const lines = (queue: LineQueue): string[] =>
  queue.take({ lines: 100, bytes: 1_000 }).map((each) => each.toString());
const push = (queue: LineQueue, ...all: string[]): void =>
  all.forEach((each) => queue.push(Buffer.from(each)));

t.test('a queue that is full drops its oldest lines and counts them', async (t) => {
  const queue = new LineQueue({ lines: 2, bytes: 100 });
  push(queue, 'a', 'b', 'c');
  t.equal(queue.dropped, 1);
  t.same(lines(queue), ['b', 'c']);
});

t.test('a queue is full by its bytes, too; one line that is too long costs no other', async (t) => {
  const queue = new LineQueue({ lines: 100, bytes: 4 });
  push(queue, 'aa', 'bb', 'c', 'too long');
  t.equal(queue.dropped, 2);
  t.same(lines(queue), ['bb', 'c']);
});

t.test('what is given back is the first to be taken again, and the first to be dropped', async (t) => {
  const queue = new LineQueue({ lines: 3, bytes: 100 });
  push(queue, 'a', 'b', 'c');
  const taken = queue.take({ lines: 2, bytes: 100 });
  push(queue, 'd');
  queue.giveBack(taken);
  t.equal(queue.dropped, 1);
  t.same(lines(queue), ['b', 'c', 'd']);
});

t.test('as much is taken as fits, and always one', async (t) => {
  const queue = new LineQueue({ lines: 9, bytes: 100 });
  push(queue, 'aaaa', 'b', 'c', 'd');
  t.equal(queue.take({ lines: 9, bytes: 2 }).length, 1);
  t.equal(queue.take({ lines: 9, bytes: 2 }).length, 2);
  t.equal(queue.length, 1);
});
