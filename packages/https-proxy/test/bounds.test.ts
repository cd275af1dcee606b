import { once } from 'node:events';
import { eventually } from '@harbor/testbed';
import t, { type Test } from 'tap';
import { ask, ask2, dial, sendRaw, session, valuesOf } from './support/clients.js';
import { appRoot, Framework, signed, startProxy } from './support/stage.js';

/** A proxy whose application gets few connections. */
async function stage(t: Test, ...flags: readonly string[]) {
  const framework = await Framework.start(t);
  let most = 0;
  let open = 0;
  framework.server.on('connection', (socket) => {
    most = Math.max(most, ++open);
    socket.once('close', () => open--);
  });
  const root = appRoot(t, { harbor: signed('localhost') });
  const proxy = await startProxy(t, root.path, framework.port, ...flags);
  return { ...proxy, framework, most: () => most };
}

const UPGRADE =
  'Host: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: AAAA\r\n\r\n';

t.test('bounds - requests wait for a connection, and all are served', async (t) => {
  const { port, most } = await stage(t, '--upstream-connections', '3');
  const over = await session(t, port);
  const asked = Array.from({ length: 60 }, (_, at) => {
    if (at % 3 === 0) return ask(port, `/${at}`);
    if (at % 3 === 1) return ask2(over, `/${at}`);
    return ask2(over, '/echo', { ':method': 'POST' }, `/${at} `);
  });
  const bodies = (await Promise.all(asked)).map(({ body }) => body);
  t.strictSame(
    bodies,
    bodies.map((_, at) => (at % 3 === 2 ? `/${at} {}` : `hello /${at}`)),
  );
  // One may be replaced before the application hears of its end.
  t.ok(most() <= 6, `${most()} connections at once`);
});

t.test('bounds - with as many waiting as may be one more is told to try again', async (t) => {
  const limits = ['--upstream-connections', '1', '--upstream-queue', '2'];
  const { port, framework, logged } = await stage(t, ...limits);
  const over = await session(t, port);
  const slow = over.request({ ':path': '/slow' });
  slow.on('error', () => undefined);
  await eventually('the slow one to be asked', () => framework.requests.length === 1);
  // What comes by one connection comes in this order.
  const first = ask2(over, '/first');
  const gone = over.request({ ':path': '/gone' });
  gone.on('error', () => undefined);
  const refused = await ask2(over, '/refused', { ':method': 'POST' }, 'body');
  t.match(refused, { status: 503, body: /^503 Service Unavailable/ });
  t.strictSame(valuesOf(refused.fields, 'retry-after'), ['1']);
  t.match(
    await sendRaw(port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'),
    /^HTTP\/1.1 503 [^]*Retry-After: 1\r\n/,
  );
  t.match(await sendRaw(port, `GET /ws HTTP/1.1\r\n${UPGRADE}`), /^HTTP\/1.1 503 [^]*Retry-After: 1\r\n/);
  await logged(/"failure":"busy"/);

  gone.close();
  slow.close();
  t.match(await first, { status: 200, body: 'hello /first' });
  t.match(await ask(port, '/after'), { status: 200 });
  const urls = framework.requests.map(({ url }) => url);
  t.strictSame(urls, ['/slow', '/first', '/after'], 'who has gone is not asked for');
});

t.test('bounds - a WebSocket counts; who waits for it too long is told to try again', async (t) => {
  const { port, most } = await stage(t, '--upstream-connections', '1', '--upstream-timeout', '3');
  const socket = await dial(port);
  socket.write(`GET /ws HTTP/1.1\r\n${UPGRADE}`);
  await once(socket, 'data');
  const over = await session(t, port);
  const both = await Promise.all([ask(port, '/one'), ask2(over, '/two')]);
  t.match(both, [{ status: 503 }, { status: 503 }]);

  const next = dial(port).then((second) => {
    second.write(`GET /ws HTTP/1.1\r\n${UPGRADE}`);
    return once(second, 'data').then(([data]) => {
      second.destroy();
      return String(data);
    });
  });
  socket.destroy();
  t.match(await next, /^HTTP\/1.1 (?:101|503) /);
  await eventually('its place to be free', async () => (await ask(port, '/three')).status === 200);
  t.ok(most() <= 2, 'the last one may not have ended when the next one comes');
});
