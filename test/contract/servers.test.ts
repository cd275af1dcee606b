import {
  eventually,
  greeting,
  startNatsCluster,
  startSentinels,
  tcpBackend,
  TestDea,
  TestHarbor,
  type TestServer,
} from '@harbor/testbed';
import t from 'tap';
import { lightLoad, PATIENCE } from './support/load.js';

/** Beyond one machine's servers: a cluster of NATS and a Redis that fails over, each server killed in turn. */
t.test('servers - every one of a NATS cluster and of a replicated Redis may be killed', async (t) => {
  const [nats, redis] = await Promise.all([startNatsCluster(3), startSentinels(1)]);
  t.teardown(() => Promise.all([nats.stop(), redis.stop()]));
  await redis.replicated();
  const env = { NATS_SERVER_URL: nats.url, HARBOR_REDIS_URL: redis.url };
  const harbor = await TestHarbor.start(t, { ports: 400, env });
  const dea = await TestDea.start(t, harbor);
  const web = await harbor.create('web');
  const backends = [await tcpBackend(t, 'i0'), await tcpBackend(t, 'i1')];
  const register = (): void => {
    for (const each of backends)
      dea.nats.publish('harbor.register', JSON.stringify(dea.message(each, { service: web.id })));
  };
  register();
  await harbor.backends('web', 2);
  const load = await lightLoad(t, { harbor, port: web.port, register });
  await load.provisions();

  for (const [at, server] of [...nats.servers, ...redis.sentinels].entries())
    await t.test(`${at < 3 ? `NATS server ${at + 1}` : `sentinel ${at - 2}`} is killed`, async () => {
      await server.kill();
      await load.provisions();
      await server.start();
    });

  for (const round of ['first', 'second'])
    await t.test(`the ${round} primary is killed: the replica takes over`, async (t) => {
      const before = await redis.primary();
      t.ok(before);
      await before?.kill();
      const another = async () => {
        const now = await redis.primary();
        return now !== before && now;
      };
      const after = await eventually('another primary', another, PATIENCE);
      t.not(after.port, before?.port);
      await load.refused('HARBOR_REDIS_UNAVAILABLE');
      await before?.start();
      await load.provisions();
      await redis.replicated();
    });

  await t.test('the replica is killed: nothing is acknowledged until it is back', async () => {
    const primary = await redis.primary();
    const replica = redis.servers.find((each: TestServer) => each !== primary);
    await replica?.kill();
    await load.refused('HARBOR_REDIS_UNAVAILABLE');
    await replica?.start();
    await load.provisions();
  });

  await t.test('no connection failed, nothing acknowledged is lost, nothing is left half-made', async (t) => {
    const { connections, failed, acknowledged, errors } = await load.end();
    t.comment(`${connections} connections, ${acknowledged.size} provisions, ${JSON.stringify([...errors])}`);
    t.ok(connections > 500, `${connections} connections`);
    t.strictSame(failed, []);
    // A question under way when its NATS server dies is never answered.
    const unanswered = ['HARBOR_NODE_TIMEOUT', 'HARBOR_CONNECTOR_UNAVAILABLE'];
    const away = ['HARBOR_REDIS_UNAVAILABLE', 'HARBOR_NATS_UNAVAILABLE', 'HARBOR_NODE_UNAVAILABLE'];
    const allowed = [...away, ...unanswered];
    const others = [...errors.keys()].filter((code) => !allowed.includes(code));
    t.strictSame(others, [], 'what could not be done says why');
    // What a refused provision left is taken back once it counts as abandoned.
    const services = await eventually(
      'every service to be ready',
      async () => {
        const all = await harbor.services();
        return all.every(({ state }) => state === 'ready') && all;
      },
      150_000,
    );
    const ports = new Map(services.map(({ id, port }) => [id, port]));
    for (const [id, port] of acknowledged) t.equal(ports.get(id), port, `${id} has its port`);
    t.equal(new Set(ports.values()).size, services.length, 'no port is given twice');
    t.equal((await harbor.status()).ports.used, services.length, 'no port is taken by nobody');
    for (const port of acknowledged.values()) t.equal(await greeting(port), 'ECONNRESET', 'it listens');
    t.equal((await harbor.backends('web', 2)).length, 2);
  });
});
