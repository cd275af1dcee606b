import { eventually } from '@harbor/testbed';
import t from 'tap';
import { startRelay } from './support/rig.js';
import { dial, echo, listen, nameIt } from './support/tcp.js';

t.test('drain - connections of a removed backend may finish within drain_timeout', async (t) => {
  const rig = await startRelay(t, 'tcp', { drainTimeout: 30 });
  const [leaving, staying] = [await listen(t, 0, echo), await listen(t, 1, nameIt(1))];
  await rig.route([leaving.backend]);
  const client = dial(rig.port);
  await client.ask('before');
  await rig.route([staying.backend]);
  t.equal((await dial(rig.port).ended).toString(), 'i1', 'new clients go elsewhere');
  rig.clock.advance(29_999);
  await client.ask('meanwhile');
  client.socket.end();
  t.equal(await client.closed, 'end');
  t.equal(client.received.toString(), 'beforemeanwhile');
});

t.test('drain - what is open after drain_timeout is ended', async (t) => {
  const rig = await startRelay(t, 'tcp', { drainTimeout: 30 });
  const leaving = await listen(t, 0, echo);
  await rig.route([leaving.backend]);
  const client = dial(rig.port);
  await client.ask('hello');
  await rig.route([]);
  rig.clock.advance(30_000);
  t.equal(await client.closed, 'ECONNRESET');
  t.equal(await leaving.peers[0]!.closed, 'ECONNRESET', 'the backend is told, too');
});

t.test("drain - a service's own drain_timeout goes before the default; 0 ends at once", async (t) => {
  const rig = await startRelay(t, 'tcp', { drainTimeout: 30 });
  const leaving = await listen(t, 0, echo);
  await rig.route([leaving.backend], { drainTimeout: 0 });
  const client = dial(rig.port);
  await client.ask('hello');
  await rig.route([], { drainTimeout: 0 });
  rig.clock.advance(0);
  t.equal(await client.closed, 'ECONNRESET');
});

t.test('drain - a backend that comes back in time keeps its connections', async (t) => {
  const rig = await startRelay(t, 'tcp', { drainTimeout: 30 });
  const { backend } = await listen(t, 0, echo);
  await rig.route([backend]);
  const client = dial(rig.port);
  await client.ask('hello');
  await rig.route([]);
  rig.clock.advance(20_000);
  await rig.route([backend]);
  rig.clock.advance(60_000);
  await client.ask('still here');
  t.equal(rig.clock.pending, 0, 'nothing is left to end it');
});

t.test('drain - a port that is taken away lets its connections finish, and takes no new ones', async (t) => {
  const rig = await startRelay(t, 'tcp', { drainTimeout: 30 });
  const { backend } = await listen(t, 0, echo);
  await rig.route([backend]);
  const [first, second] = [dial(rig.port), dial(rig.port)];
  await Promise.all([first.ask('one'), second.ask('two')]);
  await rig.remove();
  t.equal(await dial(rig.port).closed, 'ECONNREFUSED');
  await first.ask('goodbye');
  first.socket.end();
  t.equal(await first.closed, 'end');
  rig.clock.advance(30_000);
  t.equal(await second.closed, 'ECONNRESET');
  t.strictSame(rig.told, [`listening tcp/${rig.port}`, `closed tcp/${rig.port}`]);
});

t.test('adding and dropping a backend touches no connection of another', async (t) => {
  const rig = await startRelay(t, 'tcp', { drainTimeout: 1 });
  const all = await Promise.all([0, 1, 2].map((index) => listen(t, index, echo)));
  const [first, second, third] = all.map(({ backend }) => backend);
  await rig.route([first!, second!]);
  const clients = [dial(rig.port), dial(rig.port)];
  for (const [at, client] of clients.entries()) await client.ask(`client ${at}`);
  t.strictSame(
    all.map(({ peers }) => peers.length),
    [1, 1, 0],
  );
  await rig.route([first!, second!, third!]);
  await rig.route([first!, third!]);
  rig.clock.advance(1_000);
  t.strictSame(await Promise.race(clients.map(({ closed }) => closed)), 'ECONNRESET');
  const kept = all[0]!.peers[0]!;
  const client = clients.find(({ socket }) => !socket.destroyed)!;
  await client.ask('not touched');
  t.match(kept.received.toString(), 'not touched');
  t.equal(rig.stats().connectionsOpen, 1);
});

t.test('idle_timeout - a connection on which nothing moves is ended, one in use is not', async (t) => {
  const rig = await startRelay(t, 'tcp', { idleTimeout: 100 });
  const { backend } = await listen(t, 0, echo);
  await rig.route([backend]);
  const [idle, used] = [dial(rig.port), dial(rig.port)];
  await Promise.all([idle.ask('once'), used.ask('once')]);
  for (let second = 0; second < 100; second += 20) {
    rig.clock.advance(20_000);
    await used.ask(`at ${second}`);
  }
  await idle.ask('not yet ended');
  rig.clock.advance(99_999);
  await Promise.all([idle.ask('nor now'), used.ask('in use')]);
  rig.clock.advance(50_000);
  await used.ask('still in use');
  rig.clock.advance(75_000);
  t.equal(await idle.closed, 'ECONNRESET', 'a quarter of idle_timeout late at most');
  await used.ask('to the end');
  t.equal(rig.stats().connectionsOpen, 1);
});

t.test("idle_timeout - never by default, and a service's own goes before it", async (t) => {
  const rig = await startRelay(t, 'tcp');
  const { backend } = await listen(t, 0, echo);
  await rig.route([backend]);
  const client = dial(rig.port);
  await client.ask('hello');
  rig.clock.advance(365 * 86_400_000);
  await client.ask('a year later');
  await rig.route([backend], { idleTimeout: 10 });
  rig.clock.advance(2_500);
  rig.clock.advance(10_000);
  t.equal(await client.closed, 'ECONNRESET', 'it holds for who is there already');
  t.equal(rig.clock.pending, 0, 'nobody is watched any more');
});

t.test('max_connections - one more is reset, and finds room when another has left', async (t) => {
  const rig = await startRelay(t, 'tcp', { maxConnections: 2 });
  const { backend } = await listen(t, 0, echo);
  await rig.route([backend]);
  const [first, second] = [dial(rig.port), dial(rig.port)];
  await Promise.all([first.ask('one'), second.ask('two')]);
  t.equal(await dial(rig.port).closed, 'ECONNRESET');
  t.match(rig.stats(), { connectionsOpen: 2, connectionsTotal: 3, refused: 1 });
  first.socket.end();
  await first.closed;
  await eventually('its place to be free', () => rig.stats().connectionsOpen === 1);
  await dial(rig.port).ask('three');
  await rig.route([backend], { maxConnections: 3 });
  await dial(rig.port).ask('four');
  t.equal(await dial(rig.port).closed, 'ECONNRESET', "the service's own limit goes before the default");
});
