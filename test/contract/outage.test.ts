import {
  askUdp,
  connected,
  eventually,
  exchange,
  greeting,
  greetings,
  isHeld,
  startCommand,
  tcpBackend,
  TestDea,
  TestHarbor,
  udpBackend,
} from '@harbor/testbed';
import { createServer, type Server } from 'node:net';
import { once } from 'node:events';
import t, { type Test } from 'tap';

/** Contract §7: what a restart, a crash and an outage do. */
t.test('ports - outlive restarts, crashes and outages', async (t) => {
  const harbor = await TestHarbor.start(t);
  const dea = await TestDea.start(t, harbor);
  const web = await harbor.create('web');
  const udp = await harbor.create('udp-web');
  const empty = await harbor.create('empty');
  await harbor.must('harbor', 'bind-service', 'demo', 'web');
  await dea.register(await tcpBackend(t, 'i0'), { service: web.id, index: 0 });
  await dea.register(await tcpBackend(t, 'i1'), { service: web.id, index: 1 });
  await dea.register(await udpBackend(t, 'u0'), { service: udp.id });
  await dea.register(await udpBackend(t, 'u1'), { service: udp.id });
  await harbor.backends('web', 2);
  await harbor.backends('udp-web', 2);
  const before = await harbor.services();

  const allServe = async (t: Test): Promise<void> => {
    t.strictSame((await greetings(web.port, 2)).sort(), ['i0', 'i1']);
    t.match(await askUdp(udp.port, 'x'), /^u[01]: x$/);
    t.equal(await greeting(empty.port), 'ECONNRESET', 'a port without an instance listens too');
    t.strictSame(await harbor.services(), before, 'nothing acknowledged is lost');
  };

  for (const change of ['restart harbor', 'restart', 'stop, start'] as const) {
    await t.test(`kato ${change} brings every port and route back`, async (t) => {
      const { pid } = await harbor.process('harbor_proxy_connector');
      for (const each of change.split(', ')) await harbor.must('kato', ...each.split(' '));
      t.not((await harbor.process('harbor_proxy_connector')).pid, pid, 'it is another one');
      await allServe(t);
    });
  }

  const processes = [
    'harbor_redis',
    'nats_server',
    'harbor_gateway',
    'harbor_node',
    'harbor_proxy_connector',
  ];
  for (const name of processes) {
    await t.test(`kill -9 of ${name} loses nothing`, async (t) => {
      const { restarts } = await harbor.process(name);
      await harbor.crash(name);
      await allServe(t);
      t.equal((await harbor.process(name)).restarts, restarts + 1, 'the restart is counted');
    });
  }

  await t.test('kill -9 of everything but the proxy leaves open connections alone', async (t) => {
    const { socket } = await connected(web.port);
    for (const name of processes.slice(0, 4)) await harbor.crash(name);
    t.equal(await exchange(socket, 'hello'), 'hello');
    socket.destroy();
  });

  await t.test('with Redis away ports go on, changes are refused clearly, and it heals', async (t) => {
    await harbor.must('kato', 'process', 'stop', 'harbor_redis');
    t.strictSame((await greetings(web.port, 2)).sort(), ['i0', 'i1']);
    const refused = await harbor.harbor('create-service', 'harbor', 'later');
    t.equal(refused.code, 1);
    t.match(refused.stderr, /HARBOR_REDIS_UNAVAILABLE/);
    const late = await tcpBackend(t, 'late');
    await dea.register(late, { service: web.id, index: 2 });
    await harbor.must('kato', 'process', 'start', 'harbor_redis');
    await harbor.backends('web', 3);
    t.strictSame((await greetings(web.port, 3)).sort(), ['i0', 'i1', 'late'], 'what came meanwhile is there');
    t.strictSame((await harbor.services()).length, before.length, 'nothing is left half-made');
    await dea.unregister(late, { service: web.id });
    await harbor.backends('web', 2);
  });

  await t.test('with NATS away ports go on, changes are refused clearly, and it heals', async (t) => {
    await harbor.must('kato', 'process', 'stop', 'nats_server');
    t.strictSame((await greetings(web.port, 2)).sort(), ['i0', 'i1']);
    const refused = await harbor.harbor('create-service', 'harbor', 'later');
    t.equal(refused.code, 1);
    t.match(refused.stderr, /HARBOR_NATS_UNAVAILABLE/);
    await harbor.must('kato', 'process', 'start', 'nats_server');
    const { port } = await eventually('provisioning to work again', () => harbor.create('later'));
    t.ok(await isHeld(port, 'tcp'));
    await harbor.must('harbor', 'delete-service', 'later');
    await allServe(t);
  });

  await t.test('with the gateway away a command says so and what to do', async (t) => {
    await harbor.must('kato', 'process', 'stop', 'harbor_gateway');
    const { code, stderr } = await harbor.harbor('services');
    t.equal(code, 1);
    t.match(stderr, /HARBOR_GATEWAY_UNAVAILABLE/);
    t.match(stderr, /kato start/);
    await harbor.must('kato', 'process', 'start', 'harbor_gateway');
  });
});

t.test('a port held by a foreign process - is said, affects nobody else, and is retried', async (t) => {
  const harbor = await TestHarbor.start(t);
  const dea = await TestDea.start(t, harbor);
  const web = await harbor.create('web');
  const other = await harbor.create('other');
  await dea.register(await tcpBackend(t, 'web'), { service: web.id });
  await dea.register(await tcpBackend(t, 'other'), { service: other.id });
  await harbor.must('kato', 'process', 'stop', 'harbor_proxy_connector');

  const script = `require('net').createServer((s) => s.on('error', () => {}).end('foreign\\n')).listen(${web.port}, () => console.log('up'))`;
  const holder = startCommand(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.teardown(() => holder.kill('SIGKILL'));
  if (holder.stdout) await once(holder.stdout, 'data');
  await harbor.must('kato', 'process', 'start', 'harbor_proxy_connector');

  await t.test('the log, kato status and harbor explain name the holder', async (t) => {
    const line = await harbor.logged('harbor_proxy_connector', ({ event }) => event === 'port_conflict');
    t.match(line, { port: web.port, protocol: 'tcp', service: web.id, pid: holder.pid, command: /node -e/ });
    const conflicts = await eventually('it to be told', async () => {
      const { conflicts } = (await harbor.status()).ports;
      return conflicts.length > 0 && conflicts;
    });
    t.match(conflicts, [{ port: web.port, protocol: 'tcp', service: web.id, pid: holder.pid }]);
    t.match(await harbor.explain('web'), {
      conflict: { port: web.port, pid: holder.pid },
      listeners: [{ listening: false }],
    });
  });

  await t.test('only that port is affected', async (t) => {
    t.equal(await greeting(other.port), 'other');
    t.equal(await greeting(web.port), 'foreign');
  });

  await t.test('it is tried at once when an instance of that service registers', async (t) => {
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    await dea.register(await tcpBackend(t, 'web 2'), { service: web.id });
    await eventually('the port to be served', async () => (await greeting(web.port)).startsWith('web'));
    t.ok(await harbor.logged('harbor_proxy_connector', ({ event }) => event === 'port_conflict_resolved'));
    t.strictSame((await harbor.status()).ports.conflicts, []);
  });

  await t.test('it is tried again with back-off, without anybody asking', async () => {
    await harbor.must('kato', 'process', 'stop', 'harbor_proxy_connector');
    const server: Server = createServer().listen(other.port);
    await once(server, 'listening');
    await harbor.must('kato', 'process', 'start', 'harbor_proxy_connector');
    await eventually('it to be told', async () => (await harbor.status()).ports.conflicts.length === 1);
    server.close();
    await eventually('the port to be served', async () => (await greeting(other.port)) === 'other');
  });
});
