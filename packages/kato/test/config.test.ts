import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { parse } from 'yaml';
import { testHome, type TestHome } from './harness.js';

let home: TestHome;
t.before(async () => {
  home = await testHome(t, { HARBOR_NODE_PORT_RANGE: undefined });
  await home.start();
});

/** What a command prints, without the end of the last line; it must come to 0. */
async function out(...args: readonly string[]): Promise<string> {
  const outcome = await home.kato(...args);
  t.equal(outcome.code, 0, `kato ${args.join(' ')} ${outcome.err}`);
  return outcome.out.trimEnd();
}

t.test('config set, get and del - a value is set, read in every form, and taken back', async (t) => {
  t.equal(await out('config', 'get', 'harbor_node', 'port_range'), '35000-40000', 'the default');
  t.equal(
    await out('config', 'set', 'harbor_node', 'port_range', '21000 - 21009'),
    'harbor_node port_range: 21000 - 21009',
  );
  const forms = [[], ['-j'], ['-f']];
  t.strictSame(
    await Promise.all(forms.map((form) => out('config', 'get', 'harbor_node', 'port_range', ...form))),
    ['21000 - 21009', '"21000 - 21009"', 'harbor_node/port_range 21000 - 21009'],
  );
  t.match(await home.json('status', '--json'), { ports: { free: 10 } });
  t.equal(await out('config', 'del', 'harbor_node', 'port_range'), 'harbor_node port_range: 35000-40000');
  t.equal(await out('config', 'get', 'harbor_node', 'port_range'), '35000-40000');
});

t.test('config get - -j, -y and -f print the same values', async (t) => {
  const [json, yaml, plain, flat, one] = await Promise.all([
    home.json('config', 'get', '-j') as Promise<Record<string, unknown>>,
    out('config', 'get', '-y'),
    out('config', 'get'),
    out('config', 'get', 'harbor_proxy_connector', '-f'),
    home.json('config', 'get', 'harbor_node', '-j'),
  ]);
  t.strictSame(Object.keys(json), [
    'cluster',
    'kato',
    'nats_server',
    'harbor_redis',
    'harbor_gateway',
    'harbor_node',
    'harbor_proxy_connector',
  ]);
  t.strictSame(parse(yaml), json);
  t.strictSame(parse(plain), json, 'YAML where nothing else is asked for');
  t.match(flat, /^harbor_proxy_connector\/connect_timeout 5$/m);
  t.strictSame(one, json.harbor_node);
});

t.test('config set - with -j the value is JSON, and a number stays one', async (t) => {
  await out('config', 'set', 'harbor_proxy_connector', 'idle_timeout', '90', '-j');
  t.equal(await home.json('config', 'get', 'harbor_proxy_connector', 'idle_timeout', '-j'), 90);
  const broken = await home.kato('config', 'set', 'harbor_proxy_connector', 'idle_timeout', 'off', '-j');
  t.equal(broken.code, 2);
  t.match(broken.err, 'must be JSON');
});

t.test('config set - what is not allowed is refused with what is, and changes nothing', async (t) => {
  const { code, err } = await home.kato('config', 'set', 'harbor_node', 'port_range', '9-1');
  t.equal(code, 1);
  t.match(err, /harbor_node\.port_range: "9-1" must be LOW-HIGH/);
  t.equal(await out('config', 'get', 'harbor_node', 'port_range'), '35000-40000');
});

t.test('config - an unknown component or key is wrong usage, with the one that was meant', async (t) => {
  const wrong = [
    [['set', 'harbour_node', 'port_range', '1-2'], 'harbor_node'],
    [['get', 'harbor_node', 'port_ranges'], 'port_range'],
    [['get', 'harbor_nod'], 'harbor_node'],
    [['del', 'harbor_node', 'hots'], 'host'],
  ] as const;
  const check = async ([args, guess]: (typeof wrong)[number]) => {
    const { code, err } = await home.kato('config', ...args);
    t.equal(code, 2, args.join(' '));
    t.match(err, `did you mean ${guess}?`);
  };
  await Promise.all(wrong.map(check));
});

t.test('config set - the environment goes before it, and that is said', async (t) => {
  const env = { HARBOR_NODE_PORT_RANGE: '22000-22009' };
  const { code, err } = await home.katoWith(env, 'config', 'set', 'harbor_node', 'port_range', '23000-23009');
  t.equal(code, 0);
  t.match(err, 'HARBOR_NODE_PORT_RANGE');
  const got = await home.katoWith(env, 'config', 'get', 'harbor_node', 'port_range');
  t.equal(got.out, '22000-22009\n');
  t.equal(await out('config', 'get', 'harbor_node', 'port_range'), '23000-23009');
  home.configure('harbor_node:\n  port_range: 24000-24009\n  node_id: from_the_file\n');
  t.equal(await out('config', 'get', 'harbor_node', 'port_range'), '23000-23009', 'it goes before the file');
  t.equal(
    await out('config', 'get', 'harbor_node', 'node_id'),
    'from_the_file',
    'the file before the default',
  );
  await out('config', 'del', 'harbor_node', 'port_range');
  t.equal(await out('config', 'get', 'harbor_node', 'port_range'), '24000-24009');
  home.configure('');
});

t.test('config set - what must be known before Redis is written to etc/harbor.yaml', async (t) => {
  home.configure('# of ours\nkato:\n  log_count: 3\n');
  const { code, err } = await home.kato('config', 'set', 'kato', 'log_size', '7');
  t.equal(code, 0);
  t.match(err, 'from the next start on');
  t.equal(
    readFileSync(join(home.dir, 'etc/harbor.yaml'), 'utf8'),
    '# of ours\nkato:\n  log_count: 3\n  log_size: 7\n',
  );
  t.equal(await home.json('config', 'get', 'kato', 'log_size', '-j'), 7);
  home.configure('');
});

t.test('config get - a secret is shown only when it is asked for by its key', async (t) => {
  const { gateway_password, gateway_token } = home.secrets();
  const forms = [['-j'], ['-y'], ['harbor_gateway', '-f']];
  for (const text of await Promise.all(forms.map((form) => out('config', 'get', ...form)))) {
    t.match(text, '********');
    t.notMatch(text, gateway_password);
    t.notMatch(text, gateway_token);
  }
  t.equal(await out('config', 'get', 'harbor_gateway', 'password'), gateway_password);
  t.equal(await out('config', 'get', 'harbor_gateway', 'token'), gateway_token);
});

t.test('info - it says where everything is, and how to get in only with --secrets', async (t) => {
  const { HARBOR_GATEWAY_PORT: gateway, HARBOR_REDIS_PORT: redis, NATS_SERVER_PORT: nats } = home.env;
  const place = {
    version: '0.1.0',
    node_id: 'harbor_node_1',
    home: home.dir,
    nats_url: `nats://127.0.0.1:${nats}`,
    redis_url: `redis://127.0.0.1:${redis}`,
    gateway_url: `http://127.0.0.1:${gateway}`,
  };
  t.strictSame(await home.json('info', '--json'), place);
  const { redis_password, nats_password, gateway_username, gateway_password, gateway_token } = home.secrets();
  t.strictSame(await home.json('info', '--json', '--secrets'), {
    ...place,
    nats_url: `nats://harbor:${nats_password}@127.0.0.1:${nats}`,
    redis_url: `redis://:${redis_password}@127.0.0.1:${redis}`,
    username: gateway_username,
    password: gateway_password,
    token: gateway_token,
  });
  t.match(await out('info'), /^gateway_url +http:/m);
});

t.test('history - it has the commands that changed something, without the value of a secret', async (t) => {
  await out('config', 'set', 'harbor_gateway', 'password', 'very-secret-indeed');
  await out('config', 'set', '-j', 'harbor_gateway', 'token', '"also-very-secret"');
  await home.kato('config', 'set', 'harbor_gateway', 'pasword', 'very-secret-too');
  await out('config', 'set', 'harbor_node', 'host_external', '192.0.2.7');
  const entries = (await home.json('history', '--json')) as { time: string; user: string; command: string }[];
  const commands = entries.map(({ command }) => command);
  t.equal(commands[0], 'kato start');
  t.equal(commands.at(-1), 'kato config set harbor_node host_external 192.0.2.7');
  t.notOk(
    commands.some((command) => command.includes(' get ') || command.includes('very-secret')),
    commands.join('\n'),
  );
  t.ok(entries.every(({ time, user }) => !Number.isNaN(Date.parse(time)) && user !== ''));
  t.match(await out('history'), /Z \S+ kato config set harbor_node host_external 192\.0\.2\.7$/m);
});
