import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { testHome, type TestHome } from './harness.js';

let home: TestHome;
t.before(async () => {
  home = await testHome(t);
});

/** Nothing was started, and nothing that a start makes is there. */
function untouched(t: Test): void {
  t.strictSame(home.living(), []);
  t.notOk(existsSync(join(home.dir, 'var/run/kato.pid')));
  t.notOk(existsSync(join(home.dir, 'logs/kato.log')));
}

t.test(
  'a broken configuration - every error at once with its key and what is allowed, nothing is started',
  async (t) => {
    home.configure(
      'harbor_node:\n  port_range: 9-1\n  hots: x\nharbor_gatway: {}\nharbor_proxy_connector:\n  data_plane: magic\n',
    );
    const env = { HARBOR_GATEWAY_PORT: '99999', NATS_SERVER_PORT: 'many' };
    const check = async (...command: readonly string[]) => {
      const { code, err } = await home.katoWith(env, ...command);
      t.equal(code, 1, command.join(' '));
      for (const problem of [
        /6 values of the configuration/,
        /harbor_node\.hots: is no known key; did you mean harbor_node\.host\?/,
        /harbor_gatway: is no known component; did you mean harbor_gateway\?/,
        /harbor_proxy_connector\.data_plane: "magic" must be auto, embedded or kernel .*harbor\.yaml/,
        /harbor_gateway\.port: 99999 must be a port number, 1…65535 \(environment HARBOR_GATEWAY_PORT\)/,
        /nats_server\.port: "many" must be a port number/,
        /harbor_node\.port_range: "9-1" must be LOW-HIGH/,
      ])
        t.match(err, problem);
    };
    await Promise.all([check('start'), check('restart', 'harbor'), check('run')]);
    untouched(t);
  },
);

t.test('a file that is no YAML - the error says where, and nothing is started', async (t) => {
  home.configure('harbor_node:\n  port_range: [1\n');
  const { code, err } = await home.kato('start');
  t.equal(code, 1);
  t.match(err, /line \d+, column \d+: is not YAML/);
  t.match(err, 'etc/harbor.yaml');
  untouched(t);
  home.configure('');
});

t.test('wrong usage - it exits 2, says what is wrong, and leaves no trace', async (t) => {
  const wrong: (readonly [readonly string[], string])[] = [
    [['strat'], 'Did you mean start?'],
    [['start', 'harbor_nod'], 'no process or group harbor_nod'],
    [['stop', '--force'], '--force'],
    [['process', 'ready'], 'PROCESS'],
    [['process', 'ready', 'harbor_node', '--block', 'soon'], 'soon is no number of seconds'],
    [['config', 'set', 'harbor_node', 'port_range'], 'VALUE'],
    [['status', 'too', 'much'], 'too many arguments'],
    [['config', 'sit'], 'unknown command'],
  ];
  const check = async ([args, said]: (typeof wrong)[number]) => {
    const { code, out, err } = await home.kato(...args);
    t.equal(code, 2, `kato ${args.join(' ')}: ${err}`);
    t.equal(out, '');
    t.match(err, said);
  };
  await Promise.all(wrong.map(check));
  untouched(t);
});

t.test('help and version - they exit 0, and every command has examples', async (t) => {
  const { version } = JSON.parse(
    readFileSync(new URL('../../../../package.json', import.meta.url), 'utf8'),
  ) as { version: string };
  t.strictSame(await home.kato('version'), { code: 0, out: `${version}\n`, err: '' });
  const helps = [['--help'], ['start', '--help'], ['config', '--help'], ['log', 'tail', '--help']];
  for (const { code, out } of await Promise.all(helps.map((args) => home.kato(...args)))) {
    t.equal(code, 0);
    t.match(out, 'Examples:');
  }
});

t.test('colour - on a terminal only, and not where NO_COLOR asks for none', async (t) => {
  const [terminal, without, pipe] = await Promise.all([
    home.onTerminal({}, 'status'),
    home.onTerminal({ NO_COLOR: '1' }, 'status'),
    home.kato('status'),
  ]);
  t.match(terminal.out, '\u001b[', 'a terminal has colour');
  t.notMatch(without.out, '\u001b[');
  t.notMatch(pipe.out, '\u001b[');
});

t.test(
  'kato start - a process that crashes again and again is FATAL, and start says why with the end of its log',
  async (t) => {
    mkdirSync(join(home.dir, 'var/redis'), { recursive: true });
    const inTheWay = join(home.dir, 'var/redis/appendonlydir');
    writeFileSync(inTheWay, 'no directory');
    const { code, err } = await home.kato('start');
    t.equal(code, 1);
    t.match(err, /harbor_redis: ended with exit code 1 .*\nthe end of its log:\n.*appendonlydir/s);
    const processes = await home.processes();
    t.match(
      processes.find(({ name }) => name === 'harbor_redis'),
      { state: 'FATAL', restarts: 5, pid: null },
    );
    t.ok(processes.every(({ name, state }) => name === 'harbor_redis' || state === 'STOPPED'));
    rmSync(inTheWay);
    t.equal((await home.kato('start')).code, 0, 'what is mended can be started');
  },
);

t.test('kato start - after one that failed the next has the environment of its own', async (t) => {
  const fresh = await testHome(t);
  const held = createServer().listen(0, '127.0.0.1');
  await once(held, 'listening');
  t.teardown(() => held.close());
  const { port } = held.address() as AddressInfo;
  const { code, err } = await fresh.katoWith({ HARBOR_REDIS_PORT: String(port) }, 'start');
  t.equal(code, 1);
  t.match(err, new RegExp(`harbor_redis needs port ${port}`));
  t.equal((await fresh.kato('start')).code, 0, 'the other port is used');
});
