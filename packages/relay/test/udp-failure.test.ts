import { eventually, freePort } from '@harbor/testbed';
import t from 'tap';
import { backendAt, startRelay } from './support/rig.js';
import { answering, listenUdp, UdpClient } from './support/udp.js';

t.test('port unreachable - the next takes over and gets the very datagram that found nobody', async (t) => {
  const rig = await startRelay(t, 'udp');
  const [first, second] = [await answering(t, 0), await answering(t, 1)];
  await rig.route([first.backend, second.backend]);
  const client = await UdpClient.open(t);
  t.equal((await client.ask(rig.port, 'one')).toString(), 'i0 one');
  await first.close();
  t.equal((await client.ask(rig.port, 'two')).toString(), 'i1 two');
  t.equal((await client.ask(rig.port, 'three')).toString(), 'i1 three');
  t.strictSame(rig.told.slice(1), ['i0 ECONNREFUSED']);
  t.match(
    rig.stats().backends.find(({ lastError }) => lastError),
    { lastError: 'ECONNREFUSED', lastErrorAt: rig.clock.now() },
  );
});

t.test('port unreachable - every client of the failed one moves, and it counts once', async (t) => {
  const rig = await startRelay(t, 'udp');
  const [first, second] = [await answering(t, 0), await answering(t, 1)];
  await rig.route([first.backend, second.backend]);
  const clients = await Promise.all(Array.from({ length: 20 }, () => UdpClient.open(t)));
  await Promise.all(clients.map((client) => client.ask(rig.port, 'hello')));
  await first.close();
  const answers = await Promise.all(clients.map((client) => client.ask(rig.port, 'and now')));
  t.strictSame([...new Set(answers.map(String))], ['i1 and now']);
  t.strictSame(rig.told.slice(1), ['i0 ECONNREFUSED']);
});

t.test('port unreachable - who failed stays behind until the state gives it a new place', async (t) => {
  const rig = await startRelay(t, 'udp');
  const [gone, other] = [await answering(t, 0), await answering(t, 1)];
  await gone.close();
  await rig.route([gone.backend, other.backend]);
  const client = await UdpClient.open(t);
  t.equal((await client.ask(rig.port, 'one')).toString(), 'i1 one');
  await rig.route([gone.backend, other.backend]);
  t.equal((await client.ask(rig.port, 'two')).toString(), 'i1 two');
  t.equal(rig.told.length, 2, 'it was not asked again');
});

t.test('port unreachable - the only backend is asked again with the next datagram', async (t) => {
  const rig = await startRelay(t, 'udp');
  const only = await listenUdp(t, 0);
  await only.close();
  await rig.route([only.backend]);
  const client = await UdpClient.open(t);
  for (let turn = 1; turn <= 2; turn++) {
    client.send(rig.port, 'anybody?');
    await eventually('the failure to be told', () => rig.told.length === 1 + turn);
  }
  t.strictSame(rig.told.slice(1), ['i0 ECONNREFUSED', 'i0 ECONNREFUSED']);
});

t.test('with everybody gone a datagram is tried once with each and does not go round', async (t) => {
  const rig = await startRelay(t, 'udp');
  const gone = await Promise.all([0, 1, 2].map((index) => listenUdp(t, index)));
  await Promise.all(gone.map((server) => server.close()));
  await rig.route(gone.map(({ backend }) => backend));
  const client = await UdpClient.open(t);
  client.send(rig.port, 'anybody?');
  await eventually('all to have failed', () => rig.told.length >= 4);
  const [other, port] = [await answering(t, 9), await freePort()];
  await rig.route([other.backend], {}, port);
  for (let turn = 0; turn < 20; turn++) await client.ask(port, 'time passes');
  t.strictSame(
    rig.told.filter((line) => line.endsWith('ECONNREFUSED')),
    ['i0 ECONNREFUSED', 'i1 ECONNREFUSED', 'i2 ECONNREFUSED'],
  );
  t.equal(rig.stats().bytesIn, 'anybody?'.length, 'and it is counted once');
});

t.test('a backend there is no way to is a failure like another, and nothing else is touched', async (t) => {
  const rig = await startRelay(t, 'udp');
  const other = await answering(t, 1);
  // A link-local address without an interface: the kernel refuses to connect to it.
  await rig.route([backendAt('udp', 4_100, 0, 'fe80::1'), other.backend]);
  const client = await UdpClient.open(t);
  t.equal((await client.ask(rig.port, 'hello')).toString(), 'i1 hello');
  t.strictSame(rig.told.slice(1), ['i0 EINVAL']);
});

t.test('a datagram that is too large with its header is lost alone', async (t) => {
  const rig = await startRelay(t, 'udp');
  const server = await listenUdp(t, 0);
  await rig.route([server.backend], { proxyProtocol: 'v2' });
  const client = await UdpClient.open(t);
  client.send(rig.port, 'first');
  const { from } = await server.next();
  client.send(rig.port, Buffer.alloc(65_507));
  client.send(rig.port, 'last');
  const last = await server.next();
  t.match(last.data.toString('latin1'), /last$/);
  t.equal(last.from.port, from.port, 'the flow is the same');
  server.send('late answer', from);
  t.equal((await client.next()).data.toString(), 'late answer');
  t.strictSame(rig.told.length, 1, 'it is not held against the backend');
});

t.test('without a backend datagrams are dropped and counted, and the port stays', async (t) => {
  const rig = await startRelay(t, 'udp');
  await rig.route([]);
  const client = await UdpClient.open(t);
  client.send(rig.port, 'nobody');
  await eventually('it to be counted', () => rig.stats().refused === 1);
  const server = await answering(t, 0);
  await rig.route([server.backend]);
  t.equal((await client.ask(rig.port, 'somebody')).toString(), 'i0 somebody');
});
