import { CHECKOUT, freePort, runCommand, temporaryDirectory, type Ended } from '@harbor/testbed';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';

/** A home that nobody has made yet, and the commands in it. */
async function nowhere(t: Test) {
  const directory = temporaryDirectory();
  t.teardown(() => directory.remove());
  const home = join(directory.path, 'home');
  const env = {
    PATH: process.env.PATH,
    HOME: directory.path,
    HARBOR_HOME: home,
    HARBOR_REDIS_PORT: String(await freePort()),
    NATS_SERVER_PORT: String(await freePort()),
    HARBOR_GATEWAY_PORT: String(await freePort()),
  };
  const run = (program: string, ...args: string[]): Promise<Ended> =>
    runCommand(process.execPath, [join(CHECKOUT, 'bin', program), ...args], { env, cwd: directory.path });
  return { home, parent: directory.path, run };
}

t.test('what only looks makes no home, and says how one is made', async (t) => {
  const { home, parent, run } = await nowhere(t);
  const shown: readonly string[][] = [
    ['kato', 'status'],
    ['kato', 'info', '--json'],
    ['kato', 'config', 'get', 'harbor_node', 'port_range'],
    ['kato', 'log', 'tail', '--no-follow'],
    ['kato', 'log', 'drain', 'list'],
    ['kato', 'role', 'info', '--json'],
    ['kato', 'stop'],
  ];
  const refused: readonly string[][] = [
    ['kato', 'info', '--secrets'],
    ['kato', 'node', 'list'],
    ['harbor', 'services'],
  ];
  for (const [code, all] of [[0, shown] as const, [1, refused] as const]) {
    for (const [program = '', ...args] of all) {
      const name = [program, ...args].join(' ');
      const ended = await run(program, ...args);
      t.equal(ended.code, code, `${name}: ${ended.stderr}`);
      t.ok(ended.stderr.includes(`nothing of Harbor is in ${home} yet`), `${name} says so`);
      t.match(ended.stderr, /kato start/, name);
      t.notOk(existsSync(home), `${name} makes nothing`);
    }
  }
  t.strictSame(readdirSync(parent), [], 'beside it neither');
});

t.test('a home that cannot be used is the fault of no one but its place', async (t) => {
  const { parent, run } = await nowhere(t);
  writeFileSync(join(parent, 'home'), 'a file');
  for (const [program = '', ...args] of [
    ['kato', 'start'],
    ['kato', 'status'],
    ['harbor', 'services'],
  ])
    t.match(
      await run(program, ...args),
      { code: 1, stderr: /home cannot be used: ENOTDIR.*\(HARBOR_HOME_UNUSABLE\)/ },
      `${program} ${args.join(' ')}`,
    );
});

t.test('inspect looks at where a home will be', async (t) => {
  const { home, run } = await nowhere(t);
  const { stdout } = await run('kato', 'inspect', '--json');
  t.notOk(existsSync(home));
  const found = JSON.parse(stdout) as { check: string; state: string; found: string }[];
  t.match(
    found.filter(({ check }) => check === 'directory'),
    ['etc', 'logs', 'var'].map((name) => ({
      state: 'ok',
      found: `${join(home, name)} is made at the first start`,
    })),
  );
  t.match(
    found.find(({ check }) => check === 'disk'),
    { found: /GB are free/ },
  );
});

t.test('what changes something makes the home, and from then on nothing is said', async (t) => {
  const { home, run } = await nowhere(t);
  t.match(await run('kato', 'config', 'set', 'kato', 'log_count', '3'), { code: 0 });
  t.ok(existsSync(join(home, 'var/secrets.json')));
  t.match(await run('kato', 'info', '--secrets', '--json'), { code: 0, stderr: /^(?!.*nothing of Harbor)/s });
});
