import { ManualClock } from '@harbor/core';
import { eventually, freePort } from '@harbor/testbed';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import t, { type Test } from 'tap';
import { parseLogLine } from '../src/logs/line.js';
import { makeDrain } from '../src/drain/drain.js';
import { Forwarder, type ForwarderOptions } from '../src/drain/forwarder.js';
import { linksFor, openLink, type Link, type OpenLink } from '../src/drain/link.js';
import { listen, tcpReceiver, udpReceiver } from './support/receivers.js';

const line = (text: string) => parseLogLine('kato', text);

function forward(t: Test, url: string, options: Partial<ForwarderOptions> = {}) {
  const clock = new ManualClock();
  const { log, events } = listen();
  const forwarder = new Forwarder(makeDrain('central', url, [], 'raw'), {
    clock,
    random: () => 0,
    log,
    open: openLink,
    host: 'm1',
    ...options,
  });
  t.teardown(() => forwarder.close());
  const state = (wanted: string): Promise<true> =>
    eventually(`to be ${wanted}`, () => forwarder.status.state === wanted);
  const push = (...texts: string[]): void => {
    for (const text of texts) forwarder.push(line(text));
  };
  return { clock, events, forwarder, state, push };
}

/** Links of the test's own: each attempt is settled by hand. */
function byHand() {
  const attempts: {
    readonly signal: AbortSignal;
    readonly gone: (reason: Error) => void;
    readonly sent: string[][];
    accept(): void;
    take(count?: number): void;
  }[] = [];
  const open: OpenLink = (_target, signal, gone) =>
    new Promise((resolve) => {
      const sent: string[][] = [];
      const waiting: ((count: number) => void)[] = [];
      const link: Link = {
        atOnce: { lines: 2, bytes: 1_000 },
        send: (lines) => {
          sent.push(lines.map((each) => each.toString().trim()));
          return new Promise((done) => waiting.push(done));
        },
        close: () => Promise.resolve(),
      };
      attempts.push({
        signal,
        gone,
        sent,
        accept: () => resolve(link),
        take: (count) => waiting.shift()?.(count ?? sent.at(-1)?.length ?? 0),
      });
    });
  return { attempts, open };
}

t.test('lines arrive in order, also those that came before the connection', async (t) => {
  const server = await tcpReceiver(t);
  const { forwarder, push, events } = forward(t, server.url);
  push('one', 'two');
  await eventually('both', () => server.lines.length === 2);
  push('three');
  await eventually('all', () => forwarder.status.sent === 3 && server.lines.length === 3);
  t.same(server.lines, ['one', 'two', 'three']);
  t.same(forwarder.status, {
    name: 'central',
    url: server.url,
    state: 'connected',
    sent: 3,
    dropped: 0,
    queued: 0,
    last_error: null,
  });
  t.same(events, ['info drain_connected']);
});

t.test('a server that is down is tried again until it is there, and gets what waited', async (t) => {
  const port = await freePort();
  const { clock, forwarder, state, push, events } = forward(t, `tcp://127.0.0.1:${port}`);
  await state('waiting');
  push('one');
  t.match(forwarder.status, { queued: 1, sent: 0, last_error: /ECONNREFUSED/ });
  clock.advance(1_000);
  t.equal(forwarder.status.state, 'connecting');
  await state('waiting');
  const server = await tcpReceiver(t, port);
  clock.advance(2_000);
  await eventually('the line', () => server.lines.length === 1);
  t.same(server.lines, ['one']);
  await eventually('to count it', () => forwarder.status.sent === 1);
  t.same(events, ['warn drain_down', 'info drain_connected'], 'said once, not with every attempt');
});

t.test('a server that ends the connection is connected to again', async (t) => {
  const first = await tcpReceiver(t);
  const { clock, forwarder, state, push } = forward(t, first.url);
  await state('connected');
  await eventually('to be accepted', () => first.connections() === 1);
  await first.close();
  await state('waiting');
  t.type(forwarder.status.last_error, 'string');
  push('meanwhile');
  const second = await tcpReceiver(t, first.port);
  clock.advance(1_000);
  await eventually('the line', () => second.lines.length === 1);
});

t.test('the waits double up to half a minute', async (t) => {
  const times: number[] = [];
  const clock = new ManualClock();
  const open: OpenLink = () => {
    times.push(clock.now());
    return Promise.reject(new Error('no'));
  };
  const { state } = forward(t, 'tcp://127.0.0.1:1', { clock, open });
  while (times.length < 8) {
    await state('waiting');
    clock.advance(500);
  }
  const waits = times.slice(1).map((time, at) => time - (times[at] ?? 0));
  t.same(waits, [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
});

t.test('waits begin short again after a connection that lasted, not after one that did not', async (t) => {
  const { attempts, open } = byHand();
  const { clock, state } = forward(t, 'tcp://127.0.0.1:1', { open });
  const lastFor = async (time: number): Promise<void> => {
    attempts.at(-1)?.accept();
    await state('connected');
    clock.advance(time);
    attempts.at(-1)?.gone(new Error('gone'));
  };
  await lastFor(10);
  clock.advance(1_000);
  await lastFor(10);
  clock.advance(1_000);
  t.equal(attempts.length, 2, 'the second wait is longer');
  clock.advance(1_000);
  t.equal(attempts.length, 3);
  await lastFor(10_000);
  clock.advance(1_000);
  t.equal(attempts.length, 4);
});

t.test('what waits is bounded: the oldest lines are dropped and counted', async (t) => {
  const { attempts, open } = byHand();
  const limits = { lines: 2, bytes: 1_000 };
  const { forwarder, state, push } = forward(t, 'tcp://127.0.0.1:1', { open, limits });
  push('a', 'b', 'c', 'd');
  t.match(forwarder.status, { queued: 2, dropped: 2 });
  attempts[0]?.accept();
  await state('connected');
  t.same(attempts[0]?.sent, [['c', 'd']]);
});

t.test('a server that takes nothing holds up nobody: the queue stays bounded and it is left', async (t) => {
  const { attempts, open } = byHand();
  const limits = { lines: 2, bytes: 1_000 };
  const { clock, forwarder, state, push } = forward(t, 'tcp://127.0.0.1:1', { open, limits });
  attempts[0]?.accept();
  await state('connected');
  push('a', 'b', 'c', 'd', 'e');
  t.match(forwarder.status, { state: 'connected', queued: 3, dropped: 2 });
  clock.advance(30_000);
  t.match(forwarder.status, { state: 'waiting', queued: 2, last_error: /nothing was taken for 30 s/ });
  t.ok(attempts[0]?.signal.aborted);
});

t.test('what a connection had not taken when it broke is sent again, first', async (t) => {
  const { attempts, open } = byHand();
  const { clock, forwarder, state, push } = forward(t, 'tcp://127.0.0.1:1', { open });
  attempts[0]?.accept();
  await state('connected');
  push('a', 'b', 'c');
  t.same(attempts[0]?.sent, [['a']]);
  attempts[0]?.take();
  await eventually('the rest', () => attempts[0]?.sent.length === 2);
  attempts[0]?.gone(new Error('reset'));
  attempts[0]?.take();
  t.match(forwarder.status, { sent: 1, queued: 2, dropped: 0, last_error: 'reset' });
  clock.advance(1_000);
  attempts[1]?.accept();
  await state('connected');
  t.same(attempts[1]?.sent, [['b', 'c']]);
});

t.test('an attempt that leads nowhere is given up after ten seconds', async (t) => {
  const { attempts, open } = byHand();
  const { clock, forwarder } = forward(t, 'tcp://127.0.0.1:1', { open });
  clock.advance(10_000);
  t.match(forwarder.status, { state: 'waiting', last_error: /no connection within 10 s/ });
  t.ok(attempts[0]?.signal.aborted);
  attempts[0]?.accept();
  clock.advance(1_000);
  t.equal(forwarder.status.state, 'connecting', 'one that comes too late is not taken');
});

t.test('a line that can never be sent is counted as dropped', async (t) => {
  const { attempts, open } = byHand();
  const { forwarder, state, push } = forward(t, 'tcp://127.0.0.1:1', { open });
  attempts[0]?.accept();
  await state('connected');
  push('too long');
  attempts[0]?.take(0);
  await eventually('to be counted', () => forwarder.status.dropped === 1);
  t.match(forwarder.status, { state: 'connected', sent: 0, queued: 0 });
});

t.test('a UDP drain gets one datagram per line', async (t) => {
  const server = await udpReceiver(t);
  const { forwarder, push } = forward(t, server.url);
  push('one', 'two');
  await eventually('both', () => server.lines.length === 2);
  t.same(server.lines, ['one', 'two']);
  await eventually('to count them', () => forwarder.status.sent === 2);
});

t.test('a UDP drain whose port nobody has waits, and goes on by itself', async (t) => {
  const server = await udpReceiver(t);
  await server.close();
  const { clock, forwarder, state, push } = forward(t, server.url);
  await state('connected');
  push('lost');
  await state('waiting');
  t.match(forwarder.status.last_error, /ECONNREFUSED/);
  push('kept');
  const again = await udpReceiver(t, server.port);
  clock.advance(1_000);
  await eventually('the line', () => again.lines.includes('kept'));
});

t.test('a name that no one knows is an error of that drain', async (t) => {
  // Longer than a label may be (RFC 1035 §2.3.4): no name server is asked, which might take its time.
  const nobody = `${'x'.repeat(64)}.invalid`;
  for (const protocol of ['tcp', 'udp']) {
    const { forwarder, state } = forward(t, `${protocol}://${nobody}:514`);
    await state('waiting');
    t.match(forwarder.status.last_error, nobody);
  }
});

t.test('closed, it connects no more', async (t) => {
  const { attempts, open } = byHand();
  const { clock, forwarder } = forward(t, 'tcp://127.0.0.1:1', { open });
  await forwarder.close();
  t.ok(attempts[0]?.signal.aborted);
  attempts[0]?.gone(new Error('closed'));
  t.equal(clock.pending, 0);
});

/** A server that keeps its side open until it is told. */
async function halfOpen(t: Test): Promise<{ url: string; accepted: Promise<[Socket]> }> {
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  t.teardown(() => server.close());
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  return { url: `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`, accepted };
}

t.test('closed, it reads until the server has ended: all that was sent arrives, and no reset', async (t) => {
  const { url, accepted } = await halfOpen(t);
  const { forwarder, push } = forward(t, url, { open: linksFor(60_000) });
  const [socket] = await accepted;
  push('last');
  await eventually('to be sent', () => forwarder.status.sent === 1);
  const closed = forwarder.close();
  // Said late, so that a client which has left answers with a reset.
  for (const word of ['welcome', 'again']) await new Promise((done) => socket.write(word, done));
  const heard: string[] = [];
  socket
    .setEncoding('utf8')
    .on('data', (data: string) => heard.push(data))
    .resume();
  await once(socket, 'end');
  t.equal(heard.join(''), 'last\n');
  socket.end();
  t.same(await once(socket, 'close'), [false], 'without an error');
  await closed;
});

t.test('closed, it leaves a server that does not end its side', async (t) => {
  const { url, accepted } = await halfOpen(t);
  const { forwarder, state } = forward(t, url);
  const [socket] = await accepted;
  t.teardown(() => socket.destroy());
  await state('connected');
  await t.resolves(forwarder.close());
});
