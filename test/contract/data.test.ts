import { eventually, greeting, tcpBackend, TestDea, TestHarbor } from '@harbor/testbed';
import { join } from 'node:path';
import t from 'tap';

/** What one Harbor has, another one serves: ports, names, bindings and backends. */
t.test('data - a running Harbor takes over what another one exported', async (t) => {
  const old = await TestHarbor.start(t, { ports: 6 });
  const web = await old.create('web');
  const rtp = await old.create('rtp', { ports: 2 });
  await old.must('harbor', 'bind-service', 'demo', 'web');
  const dea = await TestDea.start(t, old);
  const backend = await tcpBackend(t, 'instance');
  await dea.register(backend, { service: web.id });
  await old.backends('web', 1);
  const file = join(old.home, 'harbor.json');
  await old.must('kato', 'data', 'export', file);

  const fresh = await TestHarbor.start(t, { ports: 2, env: { HARBOR_NODE_NODE_ID: 'second' } });
  await fresh.create('in-the-way');
  const refused = await fresh.kato('data', 'import', file);
  t.equal(refused.code, 1);
  t.match(refused.stderr, /HARBOR_DATA_EXISTS/);
  t.strictSame(
    (await fresh.services()).map(({ name }) => name),
    ['in-the-way'],
  );
  const told = JSON.parse(await fresh.must('kato', 'data', 'import', file, '--force', '--json')) as {
    held: { port: number }[];
    outside: { name: string }[];
  };
  t.strictSame(told.held.map(({ port }) => port).sort(), [web.port, rtp.port, rtp.port + 1].sort());
  t.strictSame(told.outside.map(({ name }) => name).sort(), ['rtp', 'web']);

  await eventually('the gateway to have it', async () => (await fresh.services()).length === 2);
  t.strictSame(
    (await fresh.services()).map(({ name, port, node_id, bindings }) => [name, port, node_id, bindings]),
    [
      ['rtp', rtp.port, 'second', []],
      ['web', web.port, 'second', ['demo']],
    ],
  );
  await fresh.backends('web', 1);
  await old.must('kato', 'stop');
  await eventually(
    'the port to be served by the new one',
    async () => (await greeting(web.port)) === 'instance',
  );
  const again = await fresh.harbor('create-service', 'harbor', 'web');
  t.match(again.stderr, /HARBOR_SERVICE_EXISTS/, 'names are kept');
  t.equal((await fresh.create('new')).credentials?.int_port, 4103, 'and so are the int_ports');
});
