import { headerV1, headerV2 } from '@harbor/relay/proxy-protocol';
import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { connect as connectTcp, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { connect, type TLSSocket } from 'node:tls';
import t, { type Test } from 'tap';
import { ask, ask2, closed, valuesOf } from './support/clients.js';
import { appRoot, CA, Framework, signed, startProxy } from './support/stage.js';

/** A proxy that expects PROXY protocol headers, and what it tells the application. */
async function stage(t: Test, ...flags: readonly string[]) {
  const framework = await Framework.start(t);
  const root = appRoot(t, { harbor: signed('localhost') });
  const proxy = await startProxy(t, root.path, framework.port, '--proxy-protocol', ...flags);
  const told = (): string[] => {
    const { fields } = framework.requests.at(-1)!;
    return ['x-forwarded-for', 'forwarded'].flatMap((name) => valuesOf(fields, name));
  };
  return { ...proxy, framework, told };
}

const FOUR = { source: '192.0.2.7', sourcePort: 5_000, destination: '198.51.100.9', destinationPort: 443 };
const SIX = { source: '2001:db8::7', sourcePort: 5_000, destination: '2001:db8::9', destinationPort: 443 };
const UNKNOWN = Buffer.from('PROXY UNKNOWN\r\n');
const HALF = headerV2(FOUR, 'tcp').subarray(0, 20);
const NOTHING = Buffer.alloc(0);
const LOCAL = Buffer.from('0d0a0d0a000d0a515549540a20000000', 'hex');

/** An agent would make a connection of its own. */
const NO_AGENT = { agent: undefined };

/** A connection on which a header was sent before anything else. */
async function opened(port: number, header: Buffer): Promise<Socket> {
  const socket = connectTcp(port, '127.0.0.1').on('error', () => undefined);
  await once(socket, 'connect');
  socket.write(header);
  return socket;
}

/** TLS over what is open. */
async function secured(socket: Duplex, alpn: string): Promise<TLSSocket> {
  const over = connect({ socket, ca: CA.certificate, servername: 'localhost', ALPNProtocols: [alpn] });
  await once(over, 'secureConnect');
  return over;
}

/** Sends a header together with the first bytes of TLS, in pieces of as many bytes as wanted. */
function together(socket: Socket, header: Buffer, size: number): Duplex {
  let before: Buffer | undefined = header;
  const send = async (bytes: Buffer): Promise<void> => {
    for (let at = 0; at < bytes.length; at += size)
      await new Promise<void>((sent) => socket.write(bytes.subarray(at, at + size), () => sent()));
  };
  const pair = new Duplex({
    read: () => undefined,
    write: (bytes: Buffer, _, done) => {
      const all = before ? Buffer.concat([before, bytes]) : bytes;
      before = undefined;
      void send(all).then(() => done());
    },
    destroy: (_, done) => {
      socket.destroy();
      done(null);
    },
  });
  socket.on('data', (data) => pair.push(data)).on('close', () => pair.push(null));
  return pair;
}

t.test('sources - the application is told the address that the header names', async (t) => {
  const { port, told, framework } = await stage(t);
  const cases = [
    [headerV1(FOUR), '192.0.2.7', '192.0.2.7'],
    [headerV2(FOUR, 'tcp'), '192.0.2.7', '192.0.2.7'],
    [headerV1(SIX), '2001:db8::7', '"[2001:db8::7]"'],
    [headerV2(SIX, 'tcp'), '2001:db8::7', '"[2001:db8::7]"'],
    [UNKNOWN, '127.0.0.1', '127.0.0.1'],
    [LOCAL, '127.0.0.1', '127.0.0.1'],
  ] as const;
  for (const [header, source, node] of cases) {
    const expected = (host: string): string[] => [source, `for=${node};host="${host}";proto=https`];
    const first = await secured(await opened(port, header), 'http/1.1');
    const got = await ask(port, '/one', {
      ...NO_AGENT,
      createConnection: () => first,
      headers: { Host: 'a.example' },
    });
    t.equal(got.body, 'hello /one');
    t.strictSame(told(), expected('a.example'));
    const second = await secured(await opened(port, header), 'h2');
    const over = connectHttp2('https://localhost', { createConnection: () => second });
    t.equal((await ask2(over, '/two')).body, 'hello /two');
    t.strictSame(told(), expected('localhost:443'));
    over.destroy();
    const third = await secured(await opened(port, header), 'http/1.1');
    third.write('GET /ws HTTP/1.1\r\nHost: a.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    await once(third, 'data');
    t.equal(framework.requests.at(-1)!.method, 'UPGRADE');
    t.strictSame(told(), expected('a.example'));
    third.destroy();
  }
});

t.test('sources - nothing is lost of what comes with the header, however it is cut', async (t) => {
  const { port, told } = await stage(t);
  const header = Buffer.from(headerV2(FOUR, 'tcp'));
  for (const size of [1, 7, 1_400, 100_000]) {
    const socket = await opened(port, NOTHING);
    const over = await secured(together(socket.setNoDelay(), header, size), 'http/1.1');
    const sent = { ...NO_AGENT, createConnection: () => over, method: 'POST', body: ['x'.repeat(50_000)] };
    t.equal((await ask(port, '/echo', sent)).body.length, 50_002, `in pieces of ${size}`);
    t.equal(told()[0], '192.0.2.7');
    socket.destroy();
  }
});

t.test('sources - each connection has its own', async (t) => {
  const { port, framework } = await stage(t);
  const all = Array.from({ length: 20 }, (_, at) => ({ ...FOUR, source: `192.0.2.${at}` }));
  await Promise.all(
    all.map(async (ends) => {
      const over = await secured(await opened(port, headerV1(ends)), 'http/1.1');
      await ask(port, `/${ends.source}`, { ...NO_AGENT, createConnection: () => over });
    }),
  );
  for (const { url, fields } of framework.requests)
    t.strictSame(valuesOf(fields, 'x-forwarded-for'), [url.slice(1)]);
  t.equal(framework.requests.length, 20);
});

t.test('sources - a header that is wrong, missing or broken off is refused, and said once', async (t) => {
  const { port, lines, logged, told } = await stage(t);
  // Whoever looks whether somebody listens is no client.
  for (let each = 0; each < 3; each++) (await opened(port, NOTHING)).destroy();
  await closed((await opened(port, NOTHING)).resume().end());

  await t.rejects(ask(port, '/without'), { code: /ECONNRESET|EPIPE/ });
  await logged(/"kind":"proxy_protocol".*no PROXY protocol header comes first/);
  for (const wrong of ['GET / HTTP/1.1\r\n\r\n', `PROXY TCP4 ${'1'.repeat(200)}`])
    await closed((await opened(port, Buffer.from(wrong))).resume());
  await closed((await opened(port, HALF)).resume().end());
  t.equal(lines.filter((line) => line.includes('"kind":"proxy_protocol"')).length, 1, 'once a minute');

  const over = await secured(await opened(port, headerV1(FOUR)), 'http/1.1');
  t.equal((await ask(port, '/after', { ...NO_AGENT, createConnection: () => over })).body, 'hello /after');
  t.equal(told()[0], '192.0.2.7');
});

t.test('sources - a header has as long as the head of a request', async (t) => {
  const { port, logged } = await stage(t, '--head-timeout', '1');
  const both = [await opened(port, HALF), await opened(port, NOTHING)];
  await Promise.all(both.map((socket) => closed(socket.resume())));
  await logged(/"kind":"proxy_protocol".*a PROXY protocol header takes too long/);
});

t.test('sources - one that is told to end waits for no header', async (t) => {
  const { port, stop } = await stage(t, '--head-timeout', '600', '--drain-timeout', '600');
  const socket = await opened(port, Buffer.from('PROXY '));
  const gone = closed(socket.resume());
  // It has taken this one when it has answered a later one.
  const over = await secured(await opened(port, headerV1(FOUR)), 'http/1.1');
  await ask(port, '/', { ...NO_AGENT, createConnection: () => over });
  t.equal(await stop(), 0);
  await gone;
});
