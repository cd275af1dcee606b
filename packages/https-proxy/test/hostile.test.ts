import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { connect } from 'node:tls';
import { eventually, runCommand } from '@harbor/testbed';
import t, { type Test } from 'tap';
import { ask, ask2, closed, dial, sendRaw, session, type Got } from './support/clients.js';
import { appRoot, CA, Framework, signed, startProxy } from './support/stage.js';

/** What bad input gets (issue: refused, bounded, logged, other connections untouched). */
t.test('hostile - refused, logged, and everybody else is served', async (t) => {
  const framework = await Framework.start(t);
  const root = appRoot(t, { harbor: signed('localhost') });
  // Long enough that nobody who is in time on a busy machine is taken for slow.
  const limits = ['--head-timeout', '5', '--upstream-timeout', '5', '--header-size', '16'];
  const proxy = await startProxy(t, root.path, framework.port, ...limits);
  const { port } = proxy;
  const witness = await session(t, port);
  const untouched = async (t: Test): Promise<void> => {
    t.match(await ask2(witness, '/witness'), { status: 200, body: 'hello /witness' });
  };

  await t.test('pairs of requests in one, and heads that are none, are refused whole', async (t) => {
    const before = framework.requests.length;
    const host = 'Host: localhost\r\n';
    const body = '\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n';
    const bad: Record<string, string> = {
      'CL and TE': `POST / HTTP/1.1\r\n${host}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n${body}`,
      'two CL': `POST / HTTP/1.1\r\n${host}Content-Length: 5\r\nContent-Length: 6\r\n${body}`,
      'TE that is not chunked': `POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked, gzip\r\n${body}`,
      'TE in disguise': `POST / HTTP/1.1\r\n${host}Transfer-Encoding: xchunked\r\n${body}`,
      'blank before the colon': `POST / HTTP/1.1\r\n${host}Transfer-Encoding : chunked\r\n${body}`,
      'obs-fold': `GET / HTTP/1.1\r\n${host}X-A: b\r\n c: d\r\n\r\n`,
      'bare LF': `GET / HTTP/1.1\n${host}\n`,
      'bare LF in the fields': `GET / HTTP/1.1\r\n${host}X-A: b\nX-C: d\r\n\r\n`,
      'no Host': 'GET / HTTP/1.1\r\n\r\n',
      'two Hosts': `GET / HTTP/1.1\r\n${host}Host: other\r\n\r\n`,
      'a Host that is none': 'GET / HTTP/1.1\r\nHost: a b/c\r\n\r\n',
      'no version': 'GET /\r\n\r\n',
      'a NUL': `GET / HTTP/1.1\r\n${host}X-A: a\0b\r\n\r\n`,
      'chunk size that is none': `POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n`,
      'too large a head': `GET / HTTP/1.1\r\n${host}X-A: ${'a'.repeat(20_000)}\r\n\r\n`,
      CONNECT: `CONNECT evil:443 HTTP/1.1\r\n${host}\r\n`,
      TRACE: `TRACE / HTTP/1.1\r\n${host}\r\n`,
    };
    for (const [what, bytes] of Object.entries(bad))
      t.match(await sendRaw(port, bytes), /^HTTP\/1\.1 (4\d\d|501) [^]*Connection: close/i, what);
    const urls = framework.requests.slice(before).map(({ url }) => url);
    t.notOk(urls.includes('/smuggled'), 'nothing was smuggled');
    await proxy.logged(/"kind":"bad_request"/);
    await untouched(t);
  });

  await t.test('slow heads, silent handshakes and names that are none end soon', async (t) => {
    t.match(await sendRaw(port, 'GET / HTTP/1.1\r\nHost: loc'), /^HTTP\/1\.1 408 /);
    const silent = connectTcp(port, '127.0.0.1');
    await closed(silent.resume());
    const odd = connect({
      host: '127.0.0.1',
      port,
      servername: 'a b',
      ca: CA.certificate,
      checkServerIdentity: () => undefined,
    });
    odd.on('error', () => undefined);
    await closed(odd);
    await proxy.logged(/"kind":"tls"/);
    const old = connect({
      host: '127.0.0.1',
      port,
      maxVersion: 'TLSv1.1',
      minVersion: 'TLSv1',
      ciphers: 'ALL:@SECLEVEL=0',
      servername: 'localhost',
      ca: CA.certificate,
    });
    old.on('error', () => undefined);
    let agreed = false;
    old.once('secureConnect', () => {
      agreed = true;
      old.destroy();
    });
    await closed(old);
    t.equal(agreed, false, 'older TLS than 1.2 is not spoken');
    await untouched(t);
  });

  await t.test('who is refused cannot keep the connection by keeping its own side open', async (t) => {
    const websocket = 'Connection: Upgrade\r\nUpgrade: websocket\r\n';
    for (const bytes of [
      'GET / HTTP/1.1\n\n',
      'CONNECT evil:443 HTTP/1.1\r\nHost: x\r\n\r\n',
      `GET / HTTP/1.1\r\nHost: a b\r\n${websocket}\r\n`,
    ]) {
      // tls.connect takes it, its type does not.
      const half = { allowHalfOpen: true, ca: CA.certificate, servername: 'localhost' };
      const socket = connect(port, '127.0.0.1', half);
      await once(socket, 'secureConnect');
      socket.on('error', () => undefined).write(bytes);
      await once(socket.resume(), 'end');
      const mine = ['-Htnp', `sport = :${port} and dport = :${socket.localPort ?? 0}`];
      await eventually('the proxy to have closed it', async () => {
        const { code, stdout } = await runCommand('ss', mine);
        return code === 0 && !stdout.includes('pid=');
      });
      socket.destroy();
    }
    await untouched(t);
  });

  await t.test('HTTP/2 floods end the connection that sends them', async (t) => {
    const before = framework.requests.length;
    const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
    const frame = (type: number, flags: number, stream: number, payload = ''): string =>
      String.fromCharCode(
        0,
        payload.length >> 8,
        payload.length & 255,
        type,
        flags,
        0,
        0,
        stream >> 8,
        stream & 255,
      ) + payload;
    const settings = frame(4, 0, 0);
    // :method GET, :scheme https, :path /slow, :authority localhost; as HPACK writes them.
    const get = '\x82\x87\x04\x05/slow\x01\x09localhost';
    let resets = '';
    for (let stream = 1; stream < 4_000; stream += 2)
      resets += frame(1, 5, stream, get) + frame(3, 0, stream, '\0\0\0\x08');
    const floods: Record<string, string> = {
      ping: frame(6, 0, 0, '12345678').repeat(5_000),
      settings: frame(4, 0, 0, '\0\x03\0\0\0\x64').repeat(5_000),
      'rapid reset': resets,
      continuation: frame(1, 1, 1, get) + frame(9, 0, 1, '\x40\x01a\x01b').repeat(20_000),
      'no preface': 'hello',
    };
    for (const [what, bytes] of Object.entries(floods)) {
      const first = what === 'no preface' ? '' : preface + settings;
      const ended = await sendRaw(port, first + bytes, { alpn: 'h2' });
      t.pass(`${what}: the connection ended after ${ended.length} bytes of answer`);
      await untouched(t);
    }
    // Of one proxy one is told in a minute.
    for (const [what, frame] of [
      ['ping', 'ping'],
      ['settings', 'settings'],
      ['rapid reset', 'reset'],
    ] as const) {
      const other = await startProxy(t, root.path, framework.port, ...limits);
      await sendRaw(other.port, preface + settings + floods[what]!, { alpn: 'h2' });
      await other.logged(new RegExp(`"kind":"flood".*sends ${frame} frames without end`));
    }
    // Refused by HTTP/2 itself where the client has heard how much it may say, else by the proxy.
    for (const size of [20_000, 90_000]) {
      const large = ask2(await session(t, port), '/large', { 'x-a': 'a'.repeat(size) });
      t.equal(
        await large.then(
          ({ status }) => status,
          () => 431,
        ),
        431,
      );
    }
    await untouched(t);
    await proxy.logged(/"kind":"flood"/);
    const reached = framework.requests.length - before;
    t.ok(reached < 1_500, `the application was spared: ${reached} of 4,000 reached it`);
  });

  await t.test('requests sent on and on without waiting for answers end their connection', async (t) => {
    const before = framework.requests.length;
    const [few, many] = [100, 2_000].map((count) => 'GET /slow HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(count));
    t.match(
      await sendRaw(port, few!, { until: /504[^]*$/ }),
      /^HTTP\/1\.1 504 /,
      'as many as streams of HTTP/2',
    );
    t.equal(await sendRaw(port, many!), '');
    await proxy.logged(/"kind":"pipelined"/);
    t.ok(framework.requests.length - before <= 200, 'the application was spared');
    await untouched(t);
  });

  await t.test('a client that leaves takes its request to the application with it', async (t) => {
    await eventually('those of others to be given up', () => framework.waiting === 0);
    // One that does not give up by itself for longer than the test would wait.
    const patient = await startProxy(t, root.path, framework.port, '--upstream-timeout', '600');
    const socket = await dial(patient.port);
    const stream = (await session(t, patient.port)).request({ ':path': '/slow' });
    stream.on('error', () => undefined);
    socket.write('GET /slow HTTP/1.1\r\nHost: x\r\n\r\n');
    await eventually('both to be asked', () => framework.waiting === 2);
    socket.destroy();
    stream.close();
    await eventually('both to be taken back', () => framework.waiting === 0);
    await untouched(t);
  });

  await t.test('an application that is slow, broken or away', async (t) => {
    t.match(await ask(port, '/slow'), { status: 504, body: /^504 Gateway Timeout/ });
    t.match(await ask2(witness, '/slow'), { status: 504 });
    t.match(await ask(port, '/raw'), { status: 502 });
    const upgrade = 'GET /loose HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';
    t.match(await sendRaw(port, upgrade), /^HTTP\/1\.1 502 /, 'a line end inside a field is not passed on');
    await t.rejects(ask(port, '/broken'), 'an answer that breaks off is seen to');
    await t.rejects(ask2(witness, '/broken'));
    for (const over of [undefined, witness]) {
      const get = (path: string): Promise<Got> => (over ? ask2(over, path) : ask(port, path));
      t.match(
        await get('/hints'),
        { status: 200, body: 'ok' },
        'hints that cannot be passed on are left out',
      );
      await t.rejects(get('/odd-trailer'));
    }
    t.match(await ask(port, '/odd-field'), { status: 502 });
    await eventually('no connection to be left that nobody reads', () => framework.unread === 0);
    t.notOk(proxy.lines.some((line) => line.includes('"event":"crash"')));
    await framework.stop();
    t.match(await ask(port, '/x'), { status: 502, body: /^502 Bad Gateway/, fields: /text\/plain/ });
    t.match(await ask2(witness, '/x'), { status: 502 });
    await proxy.logged(/"event":"upstream_failed".*"failure":"refused"/);
    await Framework.start(t, framework.port);
    t.match(await ask2(witness, '/back'), { status: 200 });
    t.match(await ask(port, '/back', { method: 'POST' }), { status: 200 });
  });
});

t.test('hostile - a head of HTTP/2 that drips in does not hold its connection', async (t) => {
  const framework = await Framework.start(t);
  const root = appRoot(t, { harbor: signed('localhost') });
  const { port } = await startProxy(t, root.path, framework.port, '--idle-timeout', '1');
  const socket = await dial(port, 'h2');
  socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
  // SETTINGS without any, and HEADERS of 1,000 bytes that come one by one.
  socket.write(Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 3, 232, 1, 5, 0, 0, 0, 1]));
  const drip = setInterval(() => socket.write('\x82', 'latin1'), 100);
  await closed(socket.resume());
  clearInterval(drip);
  t.ok(socket.bytesWritten < 1_000, 'long before the head was there');
});
