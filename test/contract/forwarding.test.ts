import {
  askUdp,
  connected,
  eventually,
  exchange,
  freePort,
  greeting,
  greetings,
  tcpBackend,
  TestDea,
  TestHarbor,
  udpBackend,
} from '@harbor/testbed';
import { once } from 'node:events';
import { createServer } from 'node:net';
import t from 'tap';

/** Contract §3: what goes through a port. The relay's own tests hold every sentence in detail. */
t.test('ports - real connections and datagrams reach the instances', async (t) => {
  const harbor = await TestHarbor.start(t);
  const dea = await TestDea.start(t, harbor);

  await t.test('TCP - connections made one after another go round-robin, exactly', async (t) => {
    const service = await harbor.create('web');
    t.equal(await greeting(service.port), 'ECONNRESET', 'without an instance the client is reset at once');
    const names = ['instance 2', 'instance 0', 'instance 1'];
    for (const name of names) {
      const backend = await tcpBackend(t, name);
      await dea.register(backend, { service: service.id, index: Number(name.slice(-1)) });
    }
    await harbor.backends('web', 3);
    t.strictSame(await greetings(service.port, 9), [...sorted(names), ...sorted(names), ...sorted(names)]);
    t.equal(await greeting(service.port, '::1'), 'instance 0', 'IPv6 clients take their turn too');
  });

  await t.test('TCP - who refuses is skipped before the client sees anything', async (t) => {
    const service = await harbor.create('skips');
    const good = await tcpBackend(t, 'good');
    const gone = { ...good, name: 'gone', port: await freePort() };
    await dea.register(good, { service: service.id, index: 0 });
    await dea.register(gone, { service: service.id, index: 1 });
    await harbor.backends('skips', 2);
    t.strictSame(await greetings(service.port, 4), ['good', 'good', 'good', 'good']);
    const { backends } = await harbor.explain('skips');
    t.match(
      backends.find(({ instance }) => instance === 'gone'),
      { last_error: /ECONNREFUSED/, health: /suspect|failing/ },
      'explain says what went wrong',
    );
    await good.close();
    t.equal(await greeting(service.port), 'ECONNRESET', 'with none left the client is reset at once');
  });

  await t.test('TCP - adding or dropping an instance touches no other connection', async (t) => {
    const service = await harbor.create('steady');
    const stays = await tcpBackend(t, 'stays');
    const goes = await tcpBackend(t, 'goes');
    await dea.register(stays, { service: service.id, index: 0 });
    await harbor.backends('steady', 1);
    const first = await connected(service.port);
    await dea.register(goes, { service: service.id, index: 1 });
    await harbor.backends('steady', 2);
    const second = [await connected(service.port), await connected(service.port)].find(
      ({ greeted }) => greeted === 'goes',
    );
    await dea.unregister(goes, { service: service.id, index: 1 });
    await harbor.backends('steady', 1);
    t.equal(await exchange(first.socket, 'still here'), 'still here');
    const finished = second && (await exchange(second.socket, 'may finish'));
    t.equal(finished, 'may finish', 'its own may finish while they drain');
    await eventually('new ones no longer to go there', async () =>
      (await greetings(service.port, 2)).every((name) => name === 'stays'),
    );
    first.socket.destroy();
    second?.socket.destroy();
  });

  await t.test('TCP - an end in one direction leaves the other open', async (t) => {
    const service = await harbor.create('halves');
    const port = await freePort();
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      let heard = '';
      socket.on('error', () => socket.destroy()).write('ready\n');
      socket.on('data', (data) => (heard += data.toString()));
      socket.on('end', () => socket.end(`heard ${heard.length} after your end`));
    }).listen(port, '127.0.0.1');
    t.teardown(() => server.close());
    await dea.register({ name: 'one', host: '127.0.0.1', port }, { service: service.id });
    await harbor.backends('halves', 1);
    const { socket } = await connected(service.port);
    let heard = '';
    socket.on('data', (data: Buffer) => (heard += data.toString()));
    socket.end('x'.repeat(100_000));
    await once(socket, 'close');
    t.equal(heard, 'heard 100000 after your end');
  });

  await t.test('TCP - deny, allow and max_connections are kept at the port', async (t) => {
    const closed = await harbor.create('closed', { deny: ['127.0.0.0/8'] });
    const narrow = await harbor.create('narrow', { max_connections: 1 });
    const listed = await harbor.create('listed', { allow: ['127.0.0.1'] });
    const backend = await tcpBackend(t, 'inside');
    await dea.register(backend, { service: closed.id });
    const other = await tcpBackend(t, 'inside');
    await dea.register(other, { service: narrow.id });
    const third = await tcpBackend(t, 'inside');
    await dea.register(third, { service: listed.id });
    for (const name of ['closed', 'narrow', 'listed']) await harbor.backends(name, 1);
    t.equal(await greeting(closed.port), 'ECONNRESET');
    t.equal(await greeting(closed.port, '::1'), 'inside');
    const { socket } = await connected(narrow.port);
    t.equal(await greeting(narrow.port), 'ECONNRESET', 'the second at once is one too many');
    socket.destroy();
    t.equal(await greeting(listed.port), 'inside');
    t.equal(await greeting(listed.port, '::1'), 'ECONNRESET', 'this address is not allowed');
  });

  await t.test('TCP - a backend that asked for it hears who the client is', async (t) => {
    const service = await harbor.create('proxied', { proxy_protocol: 'v1' });
    const port = await freePort();
    const server = createServer((socket) => socket.on('error', () => socket.destroy()).pipe(socket)).listen(
      port,
      '127.0.0.1',
    );
    t.teardown(() => server.close());
    await dea.register({ name: 'p', host: '127.0.0.1', port }, { service: service.id });
    await harbor.backends('proxied', 1);
    t.match(await greeting(service.port), new RegExp(`^PROXY TCP4 127.0.0.1 127.0.0.1 \\d+ ${service.port}`));
  });

  await t.test('UDP - first come, first served: the next takes over, who comes back queues', async (t) => {
    const service = await harbor.create('udp-game');
    const first = await udpBackend(t, 'first');
    const second = await udpBackend(t, 'second');
    await dea.register(first, { service: service.id });
    await dea.register(second, { service: service.id });
    await harbor.backends('udp-game', 2);
    for (const text of ['a', 'b', 'c']) t.equal(await askUdp(service.port, text), `first: ${text}`);
    t.equal(await askUdp(service.port, 'six', '::1'), 'first: six');
    await dea.unregister(first, { service: service.id });
    await harbor.backends('udp-game', 1);
    await eventually('the next to take over', async () => (await askUdp(service.port, 'd')) === 'second: d');
    await dea.register(first, { service: service.id });
    await harbor.backends('udp-game', 2);
    t.equal(await askUdp(service.port, 'e'), 'second: e', 'the first is at the end of the queue now');
    await second.close();
    t.equal(await askUdp(service.port, 'f'), 'first: f', 'an ICMP port-unreachable counts as a failure');
  });

  await t.test('UDP - every client gets the replies to its own datagrams', async (t) => {
    const service = await harbor.create('udp-many');
    await dea.register(await udpBackend(t, 'one'), { service: service.id });
    await harbor.backends('udp-many', 1);
    const texts = Array.from({ length: 40 }, (_, at) => `client ${at}`);
    const answers = await Promise.all(texts.map((text) => askUdp(service.port, text)));
    t.strictSame(
      answers,
      texts.map((text) => `one: ${text}`),
    );
  });

  await t.test('both - TCP and UDP on one number, each to its own kind', async (t) => {
    const service = await harbor.create('both-x');
    const tcp = await tcpBackend(t, 'tcp side');
    const udp = await udpBackend(t, 'udp side', { port: tcp.port });
    await dea.register({ ...tcp, name: 'i' }, { service: service.id });
    await harbor.backends('both-x', 2);
    t.equal(await greeting(service.port), 'tcp side');
    t.equal(await askUdp(service.port, 'x'), `${udp.name}: x`);
  });
});

function sorted(names: readonly string[]): string[] {
  return [...names].sort();
}
