import {
  CHECKOUT,
  eventually,
  freePort,
  freeRange,
  greeting,
  runCommand,
  startCommand,
  startNats,
  startRedis,
  tcpBackend,
  temporaryDirectory,
} from '@harbor/testbed';
import type { ServiceView } from '@harbor/wire';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'nats';
import t from 'tap';

/** Contract §1 and §2: each process alone, in the foreground, with a Redis and a NATS of the operator's own. */
t.test('processes - each runs alone, with an existing Redis and NATS', async (t) => {
  const [redis, nats, directory, range] = [
    await startRedis(),
    await startNats(),
    temporaryDirectory(),
    await freeRange(5),
  ];
  const env = {
    PATH: process.env.PATH,
    HARBOR_HOME: directory.path,
    HARBOR_LOG_DIR: join(directory.path, 'elsewhere'),
    HARBOR_REDIS_URL: redis.url,
    NATS_SERVER_URL: nats.url,
    HARBOR_GATEWAY_PORT: String(await freePort()),
    HARBOR_NODE_PORT_RANGE: ` ${range.low} - ${range.high} `,
    HARBOR_NODE_HOST: '127.0.0.1',
  };
  const names = ['harbor_proxy_connector', 'harbor_node', 'harbor_gateway'];
  const children = names.map((name) =>
    startCommand(process.execPath, [join(CHECKOUT, 'bin', name)], { env, stdio: 'ignore' }),
  );
  t.teardown(async () => {
    for (const child of children) child.kill('SIGKILL');
    await redis.stop();
    await nats.stop();
    directory.remove();
  });
  const harbor = (...args: string[]) =>
    runCommand(process.execPath, [join(CHECKOUT, 'bin/harbor'), ...args], { env });

  const created = await eventually('a port', async () => {
    const { code, stdout } = await harbor('create-service', 'harbor', 'web', '--json');
    return code === 0 && (JSON.parse(stdout) as ServiceView);
  });
  const dea = await connect({ servers: nats.url });
  t.teardown(() => dea.close());
  const { host, port } = await tcpBackend(t, 'alone');
  dea.publish(
    'harbor.register',
    JSON.stringify({ dea: 'd', app: 'a', instance: 'i', service: created.id, host, port }),
  );
  await eventually('the instance to be reached', async () => (await greeting(created.port ?? 0)) === 'alone');

  for (const name of names)
    t.ok(existsSync(join(env.HARBOR_LOG_DIR, `${name}.log`)), `HARBOR_LOG_DIR moves ${name}.log`);
  for (const [at, child] of children.entries()) {
    child.kill('SIGTERM');
    const [code] = (await once(child, 'exit')) as [number | null];
    t.equal(code, 0, `SIGTERM ends ${names[at] ?? ''} cleanly`);
  }
  t.equal(await greeting(created.port ?? 0), 'ECONNREFUSED');
});

t.test('processes - a broken configuration is said whole, and nothing is started', async (t) => {
  const directory = temporaryDirectory();
  t.teardown(() => directory.remove());
  const env = {
    PATH: process.env.PATH,
    HARBOR_HOME: directory.path,
    HARBOR_NODE_PORT_RANGE: '40000-35000',
    HARBOR_GATEWAY_PORT: 'web',
  };
  for (const name of ['harbor_gateway', 'harbor_node', 'harbor_proxy_connector']) {
    const { code, stderr } = await runCommand(process.execPath, [join(CHECKOUT, 'bin', name)], { env });
    t.equal(code, 1);
    t.match(stderr, /HARBOR_CONFIG_INVALID/);
    t.match(stderr, /harbor_node\.port_range.*LOW-HIGH/);
    t.match(stderr, /harbor_gateway\.port.*a port number/);
  }
});
