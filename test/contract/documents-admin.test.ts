import {
  eventually,
  greeting,
  greetings,
  startCommand,
  tcpBackend,
  TestDea,
  TestHarbor,
} from '@harbor/testbed';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import t from 'tap';
import { addressOf, core, other, stateOf, token } from './support/cluster.js';

/** The administrator's examples of the documents, as they stand there; each test is named after its section. */

t.test('Architecture - an instance that is stopped, fails or is scaled down is dropped', async (t) => {
  const harbor = await TestHarbor.start(t);
  const { id, port } = await harbor.create('my-port');
  const run = (app: string, command: string) =>
    harbor.run(t, ['--app', app, '--service', 'my-port', '--', 'sh', '-c', command]);

  const echo = `exec ${process.execPath} examples/echo.js`;
  const failing = run(
    'failing',
    `[ -e ${harbor.home}/failed ] && exit 1; touch ${harbor.home}/failed; ${echo}`,
  );
  await harbor.backends('my-port', 1);
  const { 0: line = '' } = await failing.said(/instance 0 starts, pid \d+/);
  process.kill(Number(/pid (\d+)/.exec(line)?.[1]), 'SIGKILL');
  t.ok(await harbor.backends('my-port', 0), 'failed');
  await failing.stop();

  const stopping = run('stopping', echo);
  await harbor.backends('my-port', 1);
  const dea = await TestDea.start(t, harbor);
  const more = await tcpBackend(t, 'more');
  await dea.register(more, { service: id });
  await harbor.backends('my-port', 2);
  await dea.unregister(more, { service: id });
  t.match(await harbor.backends('my-port', 1), [{ app: 'stopping' }], 'scaled down');
  await eventually('the other one only to be reached', async () =>
    (await greetings(port, 2)).every((said) => said === 'hello from instance 0'),
  );

  await stopping.stop();
  t.ok(await harbor.backends('my-port', 0), 'stopped');
  t.equal(await greeting(port), 'ECONNRESET');
});

t.test('Requirements & Setup', async (t) => {
  await t.test('kato node attach -e harbor CORE_IP', async (t) => {
    const harbor = await core(t);
    const node = await other(t);
    const words = ['node', 'attach', '-e', 'harbor', addressOf(harbor)];
    await node.must('kato', ...words, '--token', await token(harbor), '--node-id', 'harbor_node_2');
    t.ok(await eventually('the node', async () => (await stateOf(harbor, 'harbor_node_2')) === 'up'));
  });

  await t.test('kato config get and set', async (t) => {
    const harbor = await TestHarbor.start(t, { env: { HARBOR_NODE_PORT_RANGE: undefined } });
    const get = async (...key: string[]) => (await harbor.must('kato', 'config', 'get', ...key)).trim();
    const set = (...words: string[]) => harbor.must('kato', 'config', 'set', 'harbor_node', ...words);
    t.equal(await get('harbor_node', 'port_range'), '35000-40000', 'the default');
    const { low, high } = harbor.range;
    // Written as in the text, which has spaces around the dash.
    await set('port_range', `${low} - ${high}`);
    t.equal(await get('harbor_node', 'port_range'), `${low} - ${high}`);

    await set('hostname_external', 'ext-services.example.com');
    await set('host_external', '192.0.43.10');
    const { port, credentials } = await harbor.create('my-port');
    t.ok(port >= low && port <= high, 'a port of this range');
    const external = { ext_hostname: 'ext-services.example.com', ext_host: '192.0.43.10' };
    t.match(credentials, { ...external, port });
    await harbor.must('harbor', 'bind-service', 'my-app', 'my-port');
    const env = JSON.parse(await harbor.must('harbor', 'env', 'my-app', '--json')) as Record<string, string>;
    t.match(JSON.parse(env.STACKATO_SERVICES ?? ''), { 'my-port': external }, 'so the application is told');
  });
});

t.test('Troubleshooting', async (t) => {
  const harbor = await TestHarbor.start(t);
  const dea = await TestDea.start(t, harbor);
  const { id, port } = await harbor.create('my-port');
  await dea.register(await tcpBackend(t, 'instance'), { service: id });
  await harbor.backends('my-port', 1);

  await t.test('kato status', async (t) => {
    t.match(await harbor.must('kato', 'status'), /harbor_proxy_connector\s.*RUNNING/);
  });

  await t.test('kato restart harbor - ports and routes are there again', async (t) => {
    await harbor.must('kato', 'restart', 'harbor');
    t.equal(await greeting(port), 'instance');
  });

  await t.test('the four log files', (t) => {
    for (const name of ['harbor_gateway', 'harbor_node', 'harbor_proxy_connector', 'harbor_redis'])
      t.ok(existsSync(harbor.logFile(name)), name);
    t.end();
  });

  await t.test('a process that has taken a port is in harbor_proxy_connector.log', async (t) => {
    await harbor.must('kato', 'stop', 'harbor');
    const script = `require('net').createServer((s) => s.on('error', () => {}).end('custom\\n')).listen(${port}, () => console.log('up'))`;
    const custom = startCommand(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    t.teardown(() => custom.kill('SIGKILL'));
    if (custom.stdout) await once(custom.stdout, 'data');
    await harbor.must('kato', 'start', 'harbor');
    const conflict = await harbor.logged('harbor_proxy_connector', ({ event }) => event === 'port_conflict');
    t.match(conflict, { port, service: id, pid: custom.pid });

    custom.kill('SIGKILL');
    await once(custom, 'exit');
    // The user application is started again, as the documents say.
    await dea.register(await tcpBackend(t, 'restarted'), { service: id });
    t.ok(await eventually('the port', async () => /^(instance|restarted)$/.test(await greeting(port))));
  });
});
