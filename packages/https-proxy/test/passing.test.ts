import { once } from 'node:events';
import { runCommand } from '@harbor/testbed';
import t from 'tap';
import { ask, ask2, dial, sendRaw, session, valuesOf, type Got } from './support/clients.js';
import { appRoot, Framework, signed, startProxy } from './support/stage.js';

/** What passes the proxy in both directions, with HTTP/1.1 and HTTP/2. */
t.test('passing - what clients and the application say reaches the other side', async (t) => {
  const framework = await Framework.start(t);
  const root = appRoot(t, { 'web-https': signed('localhost') });
  const proxy = await startProxy(t, root.path, framework.port);
  const { port } = proxy;
  const over = await session(t, port);

  await t.test(
    'curl speaks HTTP/1.1 and HTTP/2 with a certificate of the test’s own authority',
    async (t) => {
      for (const [flag, version] of [
        ['--http1.1', '1.1'],
        ['--http2', '2'],
      ] as const) {
        const url = `https://localhost:${port}/curl`;
        const words = [
          '-sS',
          flag,
          '--cacert',
          root.ca,
          '--resolve',
          `localhost:${port}:127.0.0.1`,
          '-w',
          ' %{http_version}',
          url,
        ];
        t.match(await runCommand('curl', words), { code: 0, stdout: `hello /curl ${version}` });
      }
    },
  );

  await t.test('the application is told who asked and how, and nobody else can say it', async (t) => {
    const lies = { 'X-Forwarded-For': '6.6.6.6', X_Forwarded_Proto: 'http', Forwarded: 'for=6.6.6.6' };
    for (const got of [
      await ask(port, '/who', { headers: lies }),
      await ask2(over, '/who', {
        'x-forwarded-for': '6.6.6.6',
        x_forwarded_proto: 'http',
        'x-forwarded-protocol': 'http',
        forwarded: 'for=6',
      }),
    ]) {
      t.equal(got.status, 200);
      const { fields } = framework.requests.at(-1)!;
      t.strictSame(valuesOf(fields, 'x-forwarded-for'), ['127.0.0.1']);
      t.strictSame(valuesOf(fields, 'x-forwarded-proto'), ['https']);
      t.strictSame(valuesOf(fields, 'x-forwarded-port'), [String(port)]);
      t.match(valuesOf(fields, 'x-forwarded-host')[0], new RegExp(`:${port}$`));
      t.match(valuesOf(fields, 'forwarded'), [/^for=127\.0\.0\.1;host="[\w.]+:\d+";proto=https$/]);
      for (const lie of ['x_forwarded_proto', 'x-forwarded-protocol'])
        t.strictSame(valuesOf(fields, lie), []);
    }
  });

  await t.test('what concerns one connection ends at it, in both directions', async (t) => {
    const headers = {
      Connection: 'keep-alive, X-Private',
      'X-Private': '1',
      'X-Kept': '2',
      TE: 'trailers, gzip',
      'Keep-Alive': '9',
    };
    const got = await ask(port, '/hop', { headers });
    const { fields } = framework.requests.at(-1)!;
    t.strictSame(valuesOf(fields, 'x-private'), []);
    t.strictSame(valuesOf(fields, 'keep-alive'), []);
    t.strictSame(valuesOf(fields, 'te'), ['trailers']);
    t.strictSame(valuesOf(fields, 'x-kept'), ['2']);
    t.strictSame(valuesOf(got.fields, 'x-mine'), []);
    t.strictSame(valuesOf(got.fields, 'set-cookie'), ['a=1', 'b=2']);
    const second = await ask2(over, '/hop', { cookie: 'a=1; b=2', te: 'trailers' });
    t.strictSame(valuesOf(second.fields, 'set-cookie'), ['a=1,b=2']);
    t.strictSame(valuesOf(framework.requests.at(-1)!.fields, 'cookie'), ['a=1; b=2']);
  });

  await t.test('a client of HTTP/1.0 need not name a host', async (t) => {
    t.match(await sendRaw(port, 'GET /old HTTP/1.0\r\n\r\n'), /^HTTP\/1\.1 200 [^]*hello \/old$/);
    t.strictSame(valuesOf(framework.requests.at(-1)!.fields, 'host'), ['']);
  });

  await t.test('bodies and trailers pass both ways', async (t) => {
    const sent = {
      method: 'POST',
      body: ['one ', 'two '],
      headers: { Trailer: 'X-End', 'Transfer-Encoding': 'chunked' },
      trailers: { 'X-End': '7' },
    };
    const first = await ask(port, '/echo', sent);
    t.equal(first.body, 'one two {"x-end":"7"}');
    const second = await ask2(over, '/echo', { ':method': 'POST' }, 'three ', { 'x-end': '8' });
    t.equal(second.body, 'three {"x-end":"8"}');
    t.strictSame(valuesOf((await ask(port, '/trailers')).trailers, 'x-sum'), ['42']);
    t.strictSame(valuesOf((await ask2(over, '/trailers')).trailers, 'x-sum'), ['42']);
    t.match(await ask(port, '/x', { method: 'HEAD' }), { status: 200, body: '' });
    t.match(await ask2(over, '/x', { ':method': 'HEAD' }), { status: 200, body: '' });
  });

  await t.test('100-continue is the application’s to say', async (t) => {
    const expecting = {
      method: 'POST',
      headers: { Expect: '100-continue', 'Content-Length': 2 },
      body: ['ok'],
    };
    const headers = { ':method': 'POST', expect: '100-continue', 'content-length': 2 };
    for (const get of [
      (path: string): Promise<Got> => ask(port, path, expecting),
      (path: string): Promise<Got> => ask2(over, path, headers, 'ok'),
    ]) {
      const [echoed, refused] = [await get('/echo'), await get('/refuse')];
      t.match(echoed, { status: 200, body: 'ok{}' });
      t.strictSame([refused.status, echoed.before, refused.before], [417, [100], []]);
    }
  });

  await t.test('a WebSocket passes, over HTTP/1.1 and in a stream of HTTP/2', async (t) => {
    const head = `Host: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: AAAA\r\n\r\n`;
    const socket = await dial(port);
    t.teardown(() => socket.destroy());
    let text = '';
    socket.on('data', (data: Buffer) => (text += data.toString()));
    socket.write(`GET /ws HTTP/1.1\r\n${head}first `);
    while (!text.includes('first')) await once(socket, 'data');
    t.match(text, /^HTTP\/1\.1 101 /);
    socket.write('second');
    while (!text.includes('second')) await once(socket, 'data');
    t.strictSame(valuesOf(framework.requests.at(-1)!.fields, 'sec-websocket-key'), ['AAAA']);
    t.match(await sendRaw(port, `GET /no HTTP/1.1\r\n${head}`), /^HTTP\/1\.1 403 [^]*no$/);

    const stream = over.request(
      { ':method': 'CONNECT', ':protocol': 'websocket', ':path': '/ws2' },
      { endStream: false },
    );
    const [answer] = (await once(stream, 'response')) as [Record<string, unknown>];
    t.equal(answer[':status'], 200);
    t.strictSame(answer['set-cookie'], ['a=1', 'b=2']);
    const asked = { ':method': 'CONNECT', ':protocol': 'websocket', ':path': '/ws2', 'content-length': 5 };
    const refused = over.request(asked, { endStream: false });
    const [said] = (await once(refused, 'response')) as [Record<string, unknown>];
    t.equal(said[':status'], 400, 'a WebSocket has no length');
    refused.close();
    stream.write('third');
    const [echoed] = (await once(stream, 'data')) as [Buffer];
    t.equal(echoed.toString(), 'third');
    stream.close();
  });

  await t.test('a WebSocket that says nothing for long stays, over either HTTP', async (t) => {
    const { port, lines } = await startProxy(t, root.path, framework.port, '--idle-timeout', '1');
    const over = await session(t, port);
    const head = { ':method': 'CONNECT', ':protocol': 'websocket', ':path': '/ws' };
    const stream = over.request(head, { endStream: false });
    await once(stream, 'response');
    const socket = await dial(port);
    t.teardown(() => socket.destroy());
    socket.write('GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    await once(socket, 'data');
    // Idle ones that came later are closed by then.
    for (let each = 0; each < 2; each++) await once(await session(t, port), 'close');
    for (const end of [socket, stream]) {
      end.write('still here');
      t.match(String((await once(end, 'data'))[0]), 'still here');
    }
    t.notOk(lines.some((line) => line.includes('MaxListenersExceeded')));
  });

  await t.test('50 MB pass both ways without being kept', async (t) => {
    const size = 50_000_000;
    const url = (path: string): string => `https://localhost:${port}${path}`;
    const trust = ['-sS', '--cacert', root.ca, '--resolve', `localhost:${port}:127.0.0.1`];
    for (const version of ['--http1.1', '--http2']) {
      const down = await runCommand('curl', [
        ...trust,
        version,
        '-o',
        '/dev/null',
        '-w',
        '%{size_download}',
        url(`/big?${size}`),
      ]);
      t.match(down, { code: 0, stdout: String(size) });
      const slow = ['--limit-rate', '20M', '--max-time', '1', '-o', '/dev/null', url('/big?2000000000')];
      t.equal(
        (await runCommand('curl', [...trust, version, ...slow])).code,
        28,
        'it was too much for a second',
      );
      const command = `head -c ${size} /dev/zero | curl ${trust.join(' ')} ${version} -T - -o /dev/null -w '%{size_download}' ${url('/echo')}`;
      t.match(await runCommand('sh', ['-c', command]), { code: 0, stdout: String(size + 2) });
    }
    const status = await runCommand('sh', ['-c', `grep VmHWM /proc/${proxy.pid}/status`]);
    const peak = Number(/(\d+) kB/.exec(status.stdout)?.[1]) / 1_024;
    t.ok(peak < 250, `it took ${peak.toFixed(0)} MiB at most`);
  });

  await t.test('connections to the application are kept', async (t) => {
    const before = framework.connections;
    for (let each = 0; each < 20; each++) await ask2(over, '/kept');
    t.ok(framework.connections - before <= 1, 'all went over one');
  });
});
