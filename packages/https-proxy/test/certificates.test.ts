import { once } from 'node:events';
import t from 'tap';
import { ask, ask2, closed, dial, session } from './support/clients.js';
import { appRoot, Framework, signed, startProxy } from './support/stage.js';
import { eventually, runCommand } from '@harbor/testbed';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

t.test('certificates - a new pair is used for new connections, those that stand go on', async (t) => {
  const framework = await Framework.start(t);
  const root = appRoot(t, { harbor: signed('localhost') });
  const proxy = await startProxy(t, root.path, framework.port);
  const over = await session(t, proxy.port);
  const serial = async (name = 'localhost'): Promise<string> => {
    const socket = await dial(proxy.port, 'http/1.1', name);
    const { serialNumber } = socket.getPeerCertificate();
    socket.destroy();
    return serialNumber;
  };
  const first = await serial();
  root.put('harbor', signed('localhost'));
  await eventually('the new certificate', async () => (await serial()) !== first);
  t.match(await ask2(over, '/'), { status: 200 });

  const second = await serial();
  writeFileSync(join(root.path, 'certs/harbor.key'), 'nothing');
  await proxy.logged(/"event":"certificate_bad".*harbor\.key holds no private key/);
  t.equal(await serial(), second, 'the old one is kept');

  root.put('web-https', signed('localhost'));
  root.put('web-https.b', signed('b.example'));
  await eventually('the service’s own', async () => (await serial()) !== second);
  const third = await serial();
  t.not(
    await eventually('the second name', async () => {
      const it = await serial('b.example');
      return it !== third && it;
    }),
    third,
  );
});

t.test('certificates - none is an error that lists the names looked for', async (t) => {
  const root = appRoot(t, {});
  const proxy = await startProxy(t, root.path, 1, '--wait');
  t.equal(await proxy.ended, 1);
  t.match(
    proxy.lines.join('\n'),
    /web-https has no certificate.*certs\/web-https\.crt.*certs\/harbor\.key.*HARBOR_CERTIFICATE_MISSING/s,
  );
});

t.test('ending - requests under way are answered, new ones are not taken', async (t) => {
  const framework = await Framework.start(t);
  const root = appRoot(t, { harbor: signed('localhost') });
  const proxy = await startProxy(t, root.path, framework.port, '--drain-timeout', '60');
  const over = await session(t, proxy.port);
  const stream = over.request({ ':path': '/echo', ':method': 'POST' });
  stream.write('early, ');
  await once(stream, 'response');
  const kept = await dial(proxy.port);
  const gone = closed(kept.resume());
  const code = proxy.stop();
  await proxy.logged(/"event":"stopping"/);
  await gone;
  await t.rejects(ask(proxy.port, '/'), { code: 'ECONNREFUSED' });
  stream.end('late');
  let text = '';
  stream.on('data', (data) => (text += String(data)));
  await once(stream, 'end');
  t.match(text, /^early, late/);
  t.equal(await code, 0);
});

t.test('ending - a client that would ask again is told not to, a WebSocket goes on', async (t) => {
  const framework = await Framework.start(t);
  const root = appRoot(t, { harbor: signed('localhost') });
  const proxy = await startProxy(t, root.path, framework.port, '--drain-timeout', '60');
  const asking = await dial(proxy.port);
  asking.write('POST /wait HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n');
  await eventually('the request', () => framework.requests.some(({ url }) => url === '/wait'));
  const socket = await dial(proxy.port);
  socket.write(`GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`);
  await once(socket, 'data');
  const begun = await dial(proxy.port);
  begun.write('POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nearly');
  await once(begun, 'data');
  const gone = closed(begun.resume());
  const code = proxy.stop();
  await proxy.logged(/"event":"stopping"/);
  asking.write('late');
  const answer = await text(asking);
  begun.write('late');
  await gone;
  t.match(answer, /^HTTP\/1\.1 200 [^]*Connection: close\r\n[^]*late$/);
  socket.write('is anybody there?');
  const [echoed] = (await once(socket, 'data')) as [Buffer];
  t.equal(echoed.toString(), 'is anybody there?');
  socket.destroy();
  t.equal(await code, 0);
});

t.test('usage - help has examples, and wrong words are wrong usage', async (t) => {
  const proxy = (...words: string[]) => runCommand(process.execPath, ['bin/harbor_https_proxy', ...words]);
  t.match(await proxy('--help'), { code: 0, stdout: /Examples:[^]*--listen 4100/ });
  t.match(await proxy('--listen', 'x', '--to', 'y'), { code: 2, stderr: /HARBOR_USAGE/ });
  t.match(await proxy('--listen', '4100'), { code: 2, stderr: /--to/ });
  const to = ['--listen', '4100', '--to', '127.0.0.1:1'];
  // More would be none: a timer of Node's that is too long ends at once.
  t.match(await proxy(...to, '--drain-timeout', '9000000'), { code: 2, stderr: /up to 2000000/ });
  t.match(await proxy(...to, '--workers', '1.5'), { code: 2, stderr: /from 1 to 64/ });
});
