import { openHome, type Secrets, type Settings } from '@harbor/config';
import { freePort, temporaryDirectory } from '@harbor/testbed';
import { openPlace } from '@harbor/runtime';
import { execFile } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { renderNatsConfig, renderRedisConfig } from '../src/processes/server-config.js';
import { prepare } from '../src/processes/spec.js';

const run = promisify(execFile);
const directory = temporaryDirectory();
t.teardown(() => directory.remove());

const home = openHome({ HARBOR_HOME: '/h', HARBOR_LOG_DIR: '/s/logs' });
const settings = { ...openPlace({ HARBOR_HOME: directory.path }).load({}) };
const secrets: Secrets = {
  redis_password: 'redis-secret',
  nats_password: 'nats-secret',
  gateway_token: '',
  gateway_username: '',
  gateway_password: '',
};
const changed = (more: Partial<Settings>): Settings => ({ ...settings, ...more });

t.test('redis - it serves loopback only, for who knows the password, and keeps what it acknowledged', (t) => {
  const text = renderRedisConfig(
    home,
    changed({ harbor_redis: { ...settings.harbor_redis, port: 6391 } }),
    secrets,
  );
  t.equal(
    text,
    `# Written by kato at every start.
bind 127.0.0.1 -::1
port 6391
protected-mode yes
requirepass redis-secret
daemonize no
dir "/h/var/redis"
logfile "/s/logs/harbor_redis.log"
appendonly yes
appendfsync always
aof-use-rdb-preamble yes
save ""
maxmemory-policy noeviction
maxclients 10000
tcp-keepalive 60
`,
  );
  t.end();
});

t.test('nats - it serves loopback only, for who knows the password, and rotates its log', (t) => {
  const more = {
    nats_server: { ...settings.nats_server, port: 4333 },
    kato: { ...settings.kato, log_size: 7 },
  };
  t.equal(
    renderNatsConfig(home, changed(more), secrets),
    `# Written by kato at every start.
host: 127.0.0.1
port: 4333
log_file: "/s/logs/nats_server.log"
logfile_size_limit: 7MB
max_payload: 1MB
ping_interval: "10s"
authorization {
  user: "harbor"
  password: "nats-secret"
}
`,
  );
  t.end();
});

t.test('nats - nats-server takes a home and a password with any character in them', async (t) => {
  const odd = openHome({ HARBOR_HOME: join(directory.path, 'a "b" c') });
  const file = join(directory.path, 'odd.conf');
  writeFileSync(file, renderNatsConfig(odd, settings, { ...secrets, nats_password: 'x"y\\z' }));
  await t.resolves(run('nats-server', ['-t', '-c', file]));
});

t.test(
  'spec - the configuration of a server is for its owner only, and shows no password in ps',
  async (t) => {
    const port = String(await freePort());
    const env = { HARBOR_HOME: directory.path, HARBOR_REDIS_PORT: port, NATS_SERVER_PORT: port };
    const place = openPlace(env);
    for (const name of ['harbor_redis', 'nats_server'] as const) {
      const { args, log } = prepare(name, place, place.load({}));
      const file = args.at(-1)!;
      const password = place.secrets[name === 'nats_server' ? 'nats_password' : 'redis_password'];
      t.match(readFileSync(file, 'utf8'), password);
      t.equal(statSync(file).mode & 0o777, 0o600, name);
      t.notMatch(args.join(' '), password);
      t.equal(log, join(directory.path, 'logs', `${name}.log`));
    }
  },
);

t.test(
  'spec - a port that another process holds is an error that names its pid and the key to change',
  async (t) => {
    const server = createServer();
    const port = await freePort();
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    t.teardown(() => server.close());
    const place = openPlace({ HARBOR_HOME: directory.path, HARBOR_GATEWAY_PORT: String(port) });
    t.throws(() => prepare('harbor_gateway', place, place.load({})), {
      code: 'HARBOR_ADDRESS_IN_USE',
      message: new RegExp(
        `harbor_gateway needs port ${port}, which pid ${process.pid} .*HARBOR_GATEWAY_PORT`,
      ),
    });
  },
);
