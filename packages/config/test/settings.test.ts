import type { HarborError } from '@harbor/core';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import {
  configurationReference,
  ensureHome,
  ensureSecrets,
  loadSettings,
  natsAccess,
  natsUrl,
  openHome,
  parseValue,
  redisUrl,
  writeFileValue,
  type ConfigProblem,
  type Overlay,
} from '../src/index.js';

function place(test: { teardown(task: () => void): void }, yaml?: string) {
  const dir = mkdtempSync(join(tmpdir(), 'harbor-config-'));
  test.teardown(() => rmSync(dir, { recursive: true }));
  const home = openHome({ HARBOR_HOME: dir });
  ensureHome(home);
  if (yaml !== undefined) writeFileSync(home.configFile, yaml);
  const secrets = ensureSecrets(home, randomBytes);
  const load = (env: NodeJS.ProcessEnv = {}, overlay: Overlay = {}) =>
    loadSettings({ env, home, overlay, secrets, defaults: { host: '10.1.2.3' } });
  return { home, secrets, load };
}

function problems(run: () => unknown): readonly ConfigProblem[] {
  try {
    run();
  } catch (error) {
    return (error as HarborError).details.problems as ConfigProblem[];
  }
  return [];
}

t.test('settings - without any source every key has its default', (t) => {
  const { load, secrets } = place(t);
  t.match(load(), {
    harbor_node: {
      port_range: '35000-40000',
      node_id: 'harbor_node_1',
      host: '10.1.2.3',
      hostname: '10.1.2.3',
      host_external: null,
      hostname_external: null,
      register_interval: 20,
      prune_threshold: 120,
    },
    harbor_gateway: { host: '127.0.0.1', port: 8190, token: secrets.gateway_token },
    harbor_redis: { port: 6390, url: null },
    nats_server: { port: 4222, url: null },
    harbor_proxy_connector: {
      data_plane: 'auto',
      bind_host: '0.0.0.0',
      workers: 'auto',
      connect_timeout: 5,
      idle_timeout: 'off',
      udp_idle_timeout: 60,
      drain_timeout: 30,
      max_connections: 0,
    },
  });
  t.end();
});

t.test(
  'settings - the environment wins over kato config set, that over the file, that over the default',
  (t) => {
    const { load } = place(t, 'harbor_node:\n  port_range: 1000-1999\n  prune_threshold: 33\n');
    const overlay = { 'harbor_node.port_range': '2000-2999', 'harbor_node.register_interval': 7 };
    const settings = load({ HARBOR_NODE_PORT_RANGE: '3000 - 3999' }, overlay).harbor_node;
    t.match(settings, {
      port_range: '3000 - 3999',
      register_interval: 7,
      prune_threshold: 33,
      node_id: 'harbor_node_1',
    });
    t.match(load({}, overlay).harbor_node, { port_range: '2000-2999' });
    t.end();
  },
);

t.test('settings - the environment name is COMPONENT_KEY in capitals', (t) => {
  const { load } = place(t);
  const settings = load({
    HARBOR_GATEWAY_PORT: '8191',
    HARBOR_REDIS_PORT: '6391',
    NATS_SERVER_PORT: '4333',
    HARBOR_PROXY_CONNECTOR_DATA_PLANE: 'embedded',
    HARBOR_NODE_HOST_EXTERNAL: '',
  });
  t.equal(settings.harbor_gateway.port, 8191);
  t.equal(settings.harbor_redis.port, 6391);
  t.equal(settings.nats_server.port, 4333);
  t.equal(settings.harbor_proxy_connector.data_plane, 'embedded');
  t.equal(settings.harbor_node.host_external, null);
  t.end();
});

t.test('settings - hostname is host where it is not set', (t) => {
  const { load } = place(t);
  t.match(load({ HARBOR_NODE_HOST: '192.0.2.9' }).harbor_node, { host: '192.0.2.9', hostname: '192.0.2.9' });
  t.end();
});

t.test(
  'settings - all errors of all sources are reported at once, each with its key and what is allowed',
  (t) => {
    const { load, home } = place(
      t,
      'harbor_node:\n  port_range: 9-8\n  prot_range: 1-2\nharbor_nod: {}\nkato: 7\n',
    );
    const found = problems(() =>
      load({ HARBOR_GATEWAY_PORT: 'x', HARBOR_GATEWAY_PASSWORD: 'short' }, { 'harbor_node.node_id': 'a.b' }),
    );
    t.same(found.map(({ key }) => key).sort(), [
      'harbor_gateway.password',
      'harbor_gateway.port',
      'harbor_nod',
      'harbor_node.node_id',
      'harbor_node.port_range',
      'harbor_node.prot_range',
      'kato',
    ]);
    t.match(
      found.find(({ key }) => key === 'harbor_node.prot_range')?.allowed,
      /did you mean harbor_node\.port_range/,
    );
    t.match(
      found.find(({ key }) => key === 'harbor_node.port_range'),
      { source: home.configFile, value: '9-8', allowed: /LOW-HIGH/ },
    );
    t.notOk(
      'value' in found.find(({ key }) => key === 'harbor_gateway.password')!,
      'a secret is not repeated',
    );
    t.end();
  },
);

t.test('settings - a file that is not YAML is reported with its line and column', (t) => {
  const { load } = place(t, 'harbor_node:\n  port_range: [1\n');
  t.match(problems(load)[0], { key: /^line [23], column \d+$/, allowed: /is not YAML/ });
  t.end();
});

t.test('settings - an empty file, or one of comments, is fine', (t) => {
  t.doesNotThrow(place(t, '').load);
  t.doesNotThrow(place(t, '# nothing\n').load);
  t.end();
});

t.test('kato config set - a value is parsed from its text, or refused with what is allowed', (t) => {
  t.equal(parseValue('harbor_node', 'prune_threshold', '60'), 60);
  t.equal(parseValue('harbor_node', 'host_external', ''), null);
  t.equal(parseValue('harbor_proxy_connector', 'idle_timeout', 'off'), 'off');
  t.throws(() => parseValue('harbor_node', 'port_range', '40000-35000'), {
    code: 'HARBOR_CONFIG_INVALID',
    message: /LOW-HIGH/,
  });
  t.throws(() => parseValue('harbor_node', 'port_rang', '1-2'), {
    code: 'HARBOR_CONFIG_UNKNOWN',
    message: /did you mean port_range/,
  });
  t.throws(() => parseValue('harbour_node', 'port_range', '1-2'), {
    code: 'HARBOR_CONFIG_UNKNOWN',
    message: /did you mean harbor_node/,
  });
  t.end();
});

t.test('etc/harbor.yaml - a key is written and removed without touching comments', (t) => {
  const { home } = place(t, '# mine\nharbor_node:\n  node_id: n7 # seven\n');
  writeFileValue(home, 'harbor_redis', 'port', 6400);
  t.equal(
    readFileSync(home.configFile, 'utf8'),
    '# mine\nharbor_node:\n  node_id: n7 # seven\nharbor_redis:\n  port: 6400\n',
  );
  writeFileValue(home, 'harbor_redis', 'port', undefined);
  const left = readFileSync(home.configFile, 'utf8');
  t.match(left, /^# mine\nharbor_node:\n {2}node_id: n7 # seven\n/);
  t.notMatch(left, 'port');
  t.end();
});

t.test('etc/harbor.yaml - is made where there was none', (t) => {
  const { home, load } = place(t);
  writeFileValue(home, 'harbor_redis', 'port', 6400);
  t.equal(load().harbor_redis.port, 6400);
  t.end();
});

t.test('secrets - are made once, for their owner only', (t) => {
  const { home, secrets } = place(t);
  t.strictSame(ensureSecrets(home, randomBytes), secrets);
  t.equal(statSync(join(home.var, 'secrets.json')).mode & 0o777, 0o600);
  t.equal(statSync(home.var).mode & 0o777, 0o700);
  t.equal(new Set(Object.values(secrets)).size, 5);
  writeFileSync(join(home.var, 'secrets.json'), '{"redis_password":');
  t.throws(() => ensureSecrets(home, randomBytes), {
    code: 'HARBOR_CONFIG_INVALID',
    message: /secrets\.json is damaged/,
  });
  t.end();
});

t.test('servers - Harbor’s own have their passwords, existing ones those of their URL', (t) => {
  const { load, secrets } = place(t);
  t.equal(redisUrl(load(), secrets), `redis://:${secrets.redis_password}@127.0.0.1:6390`);
  t.strictSame(natsAccess(load(), secrets), {
    servers: ['nats://127.0.0.1:4222'],
    user: 'harbor',
    pass: secrets.nats_password,
    encrypted: false,
  });
  const other = load({
    NATS_SERVER_URL: 'nats://u:p%40@a:1,nats://b:2',
    HARBOR_REDIS_URL: 'rediss://:x@r:3',
  });
  t.strictSame(natsAccess(other, secrets), {
    servers: ['nats://a:1', 'nats://b:2'],
    user: 'u',
    pass: 'p@',
    encrypted: false,
  });
  const encrypted = natsAccess(load({ NATS_SERVER_URL: 'nats://a:1, tls://b:2' }), secrets);
  t.strictSame(encrypted, { servers: ['nats://a:1', 'tls://b:2'], encrypted: true }, 'one goes for all');
  t.equal(natsUrl(other, secrets, true), 'nats://u:p%40@a:1,nats://u:p%40@b:2');
  t.equal(natsUrl(other, secrets, false), 'nats://a:1,nats://b:2');
  t.equal(redisUrl(other, secrets), 'rediss://:x@r:3');
  const sentinels = 'rediss+sentinel://u:p@s1:1,s2:2/main';
  t.equal(redisUrl(load({ HARBOR_REDIS_URL: sentinels }), secrets), sentinels);
  for (const wrong of [
    'redis+sentinel://s1:1',
    'redis+sentinel://s1/main',
    'redis+sentinel://s1:1/a?b',
    'redis://',
  ])
    t.throws(() => load({ HARBOR_REDIS_URL: wrong }), { code: 'HARBOR_CONFIG_INVALID' }, wrong);
  t.throws(() => load({ NATS_SERVER_CA: 'ca.pem' }), { message: /from \/ on/ });
  t.end();
});

t.test('home - HARBOR_LOG_DIR moves the logs, and nothing else', (t) => {
  const home = openHome({ HARBOR_HOME: '/h', HARBOR_LOG_DIR: '/s/logs' });
  t.match(home, {
    dir: '/h',
    logs: '/s/logs',
    var: '/h/var',
    etc: '/h/etc',
    configFile: '/h/etc/harbor.yaml',
  });
  t.ok(existsSync(join(openHome({}).dir, 'packages')), 'without HARBOR_HOME it is the checkout');
  t.end();
});

t.test('reference - docs/reference/configuration.md is what the schema says', (t) => {
  const path = join(openHome({}).dir, 'docs/reference/configuration.md');
  if (process.env.HARBOR_WRITE_DOCS === '1') writeFileSync(path, configurationReference());
  t.equal(readFileSync(path, 'utf8'), configurationReference());
  t.end();
});
