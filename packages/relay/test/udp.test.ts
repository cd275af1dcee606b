import { eventually } from '@harbor/testbed';
import fc from 'fast-check';
import { createCipheriv } from 'node:crypto';
import t from 'tap';
import { startRelay } from './support/rig.js';
import { answering, listenUdp, UdpClient } from './support/udp.js';

t.test('first come is the primary, whatever the number of the instance', async (t) => {
  const rig = await startRelay(t, 'udp');
  const [early, late] = [await answering(t, 7), await answering(t, 0)];
  await rig.route([
    { ...late.backend, order: 2 },
    { ...early.backend, order: 1 },
  ]);
  for (let turn = 0; turn < 5; turn++) {
    const client = await UdpClient.open(t);
    t.equal((await client.ask(rig.port, `${turn}`)).toString(), `i7 ${turn}`);
  }
});

t.test(
  'when the primary is removed the next takes over, and one that comes back queues at the end',
  async (t) => {
    const rig = await startRelay(t, 'udp');
    const all = await Promise.all([0, 1, 2].map((index) => answering(t, index)));
    const [zero, one, two] = all.map(({ backend }) => backend);
    const client = await UdpClient.open(t);
    const served = async (): Promise<string> => (await client.ask(rig.port, '')).toString().trim();
    await rig.route([zero!, one!, two!]);
    t.equal(await served(), 'i0');
    await rig.route([one!, two!]);
    t.equal(await served(), 'i1', 'a client that is known moves, too');
    const back = { ...zero!, order: 3 };
    await rig.route([one!, two!, back]);
    t.equal(await served(), 'i1');
    await rig.route([two!, back]);
    t.equal(await served(), 'i2');
    await rig.route([back]);
    t.equal(await served(), 'i0');
  },
);

t.test('a client keeps its way to the primary when others come and go', async (t) => {
  const rig = await startRelay(t, 'udp');
  const [primary, other] = [await listenUdp(t, 0), await listenUdp(t, 1)];
  const client = await UdpClient.open(t);
  await rig.route([primary.backend]);
  client.send(rig.port, 'one');
  const { from } = await primary.next();
  await rig.route([primary.backend, other.backend]);
  await rig.route([primary.backend]);
  client.send(rig.port, 'two');
  t.strictSame((await primary.next()).from.port, from.port);
  t.equal(rig.stats().connectionsTotal, 1);
});

t.test('replies reach the right client with several clients at once', async (t) => {
  const rig = await startRelay(t, 'udp');
  const server = await answering(t, 0);
  await rig.route([server.backend]);
  const hosts = Array.from({ length: 40 }, (_, at) => (at % 2 === 0 ? '127.0.0.1' : '::1'));
  const clients = await Promise.all(hosts.map((host) => UdpClient.open(t, host)));
  for (let round = 0; round < 5; round++) {
    const answers = await Promise.all(clients.map((client, at) => client.ask(rig.port, `${at}/${round}`)));
    t.strictSame(
      answers.map(String),
      clients.map((_, at) => `i0 ${at}/${round}`),
    );
  }
  t.ok(
    clients.every(({ unread }) => unread.length === 0),
    'and nobody else',
  );
  t.match(rig.stats(), { connectionsOpen: 40, connectionsTotal: 40 });
});

t.test('replies that come late and out of order reach the right client', async (t) => {
  const rig = await startRelay(t, 'udp');
  const server = await listenUdp(t, 0);
  await rig.route([server.backend]);
  const clients = await Promise.all([0, 1, 2].map(() => UdpClient.open(t)));
  const asked = [];
  for (const [at, client] of clients.entries()) {
    client.send(rig.port, `${at}`);
    asked.push(await server.next());
  }
  for (const { data, from } of asked.reverse()) {
    server.send(`first ${data.toString()}`, from);
    server.send(`second ${data.toString()}`, from);
  }
  for (const [at, client] of clients.entries()) {
    t.equal((await client.next()).data.toString(), `first ${at}`);
    t.equal((await client.next()).data.toString(), `second ${at}`);
  }
});

for (const [client, server] of [
  ['127.0.0.1', '127.0.0.1'],
  ['127.0.0.1', '::1'],
  ['::1', '127.0.0.1'],
  ['::1', '::1'],
] as const) {
  t.test(`a client at ${client} and a backend at ${server} meet`, async (t) => {
    const rig = await startRelay(t, 'udp');
    const { backend } = await answering(t, 0, server);
    await rig.route([backend]);
    const from = await UdpClient.open(t, client);
    t.equal((await from.ask(rig.port, 'hello')).toString(), 'i0 hello');
  });
}

t.test('datagrams of any size up to 65,507 bytes pass whole, empty ones too', async (t) => {
  const rig = await startRelay(t, 'udp');
  const server = await listenUdp(t, 0);
  server.socket.on('message', (data, from) => server.send(data, from));
  await rig.route([server.backend]);
  const client = await UdpClient.open(t);
  const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16));
  const pass = async (size: number): Promise<void> => {
    const sent = cipher.update(Buffer.alloc(size));
    const came = await client.ask(rig.port, sent);
    t.ok(came.equals(sent), `${size} bytes`);
  };
  for (const size of [0, 1, 1_472, 1_500, 1_501, 9_000, 65_506, 65_507]) await pass(size);
  await fc.assert(fc.asyncProperty(fc.integer({ min: 0, max: 65_507 }), pass), { numRuns: 25 });
});

t.test('a flow that is idle for udp_idle_timeout ends, one in use does not', async (t) => {
  const rig = await startRelay(t, 'udp', { udpIdleTimeout: 60 });
  const server = await answering(t, 0);
  await rig.route([server.backend]);
  const [idle, used] = [await UdpClient.open(t), await UdpClient.open(t)];
  await idle.ask(rig.port, 'once');
  for (let turn = 0; turn < 3; turn++) {
    await used.ask(rig.port, 'again');
    t.equal(rig.stats().connectionsOpen, 2);
    rig.clock.advance(20_000);
  }
  t.equal(rig.stats().connectionsOpen, 1);
  await used.ask(rig.port, 'again');
  rig.clock.advance(75_000);
  t.equal(rig.stats().connectionsOpen, 0);
  t.equal(rig.clock.pending, 0, 'nothing is left to look after');
  t.equal((await idle.ask(rig.port, 'back')).toString(), 'i0 back', 'who comes back is served');
});

t.test('a shorter idle timeout holds at once for what is open', async (t) => {
  const rig = await startRelay(t, 'udp');
  const server = await answering(t, 0);
  await rig.route([server.backend], { idleTimeout: 3_600 });
  const client = await UdpClient.open(t);
  await client.ask(rig.port, 'once');
  await rig.route([server.backend], { idleTimeout: 4 });
  rig.clock.advance(5_000);
  t.equal(rig.stats().connectionsOpen, 0);
});

t.test('a flow is in use while the backend alone sends', async (t) => {
  const rig = await startRelay(t, 'udp', { udpIdleTimeout: 60 });
  const server = await listenUdp(t, 0);
  await rig.route([server.backend]);
  const client = await UdpClient.open(t);
  client.send(rig.port, 'subscribe');
  const { from } = await server.next();
  for (let turn = 0; turn < 4; turn++) {
    rig.clock.advance(40_000);
    server.send(`news ${turn}`, from);
    t.equal((await client.next()).data.toString(), `news ${turn}`);
  }
});

t.test('rules and limits hold for datagrams, too', async (t) => {
  const rig = await startRelay(t, 'udp');
  const server = await answering(t, 0);
  const [four, six] = [await UdpClient.open(t), await UdpClient.open(t, '::1')];
  await rig.route([server.backend], { deny: ['::1/128'] });
  six.send(rig.port, 'not me');
  t.equal((await four.ask(rig.port, 'me')).toString(), 'i0 me');
  await eventually('the other to be refused', () => rig.stats().refused === 1);
  t.equal(rig.stats().connectionsTotal, 1);
  await rig.route([server.backend], { maxConnections: 1 });
  six.send(rig.port, 'one too many');
  t.equal((await four.ask(rig.port, 'me again')).toString(), 'i0 me again');
  await eventually('the other to be refused again', () => rig.stats().refused === 2);
  t.equal(rig.stats().connectionsTotal, 1);
  t.equal(six.unread.length, 0);
});
