import {
  buildLab,
  eventually,
  runCommand,
  temporaryDirectory,
  TestHarbor,
  type Lab,
  type RunningApp,
} from '@harbor/testbed';
import { chmodSync, existsSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { noLab } from './support/stage.js';

const ECHO = ['--', process.execPath, 'examples/echo.js'];
const ISOLATED = ['--isolate', '--app', 'demo', '--service', 'web', '--service', 'both-web'];

/** What a run of isolated instances has in the machine: namespaces, cables, tables. */
async function traces(lab: Lab, app: RunningApp): Promise<string[]> {
  const mine = existsSync('/run/netns') ? readdirSync('/run/netns') : [];
  const links = await lab.harbor.run('ip', '-o', 'link');
  const tables = await lab.harbor.run('nft', 'list', 'tables');
  return [
    ...mine.filter((name) => name.startsWith(`harbor-run-${app.pid}-`)),
    ...(links.match(/\bhbr\d+/g) ?? []),
    ...(tables.match(new RegExp(`harbor_run_${app.pid}_\\d+`, 'g')) ?? []),
  ];
}

const pidsOf = (lines: readonly string[]): string[] =>
  lines.flatMap((line) => /starts, pid (\d+)/.exec(line)?.[1] ?? []);

t.test('harbor run --isolate - instances in networks of their own', { skip: noLab }, async (t) => {
  const lab = await buildLab(t);
  const harbor = await TestHarbor.start(t, {
    netns: lab.harbor.netns,
    env: { HARBOR_NODE_HOST: lab.harbor.ipv4 },
  });
  const { client, harbor: host } = lab;
  const web = await harbor.create('web');
  const both = await harbor.create('both-web');

  await t.test('all listen on the same int_port, and a port of the machine leads to each', async (t) => {
    const app = harbor.run(t, [...ISOLATED, '--instances', '3', ...ECHO]);
    await app.said(/serves tcp .* behind web/, 3);
    await app.said(/TCP on 4100$/, 3);
    await app.said(/UDP on 4101$/, 3);
    const backends = await harbor.backends('web', 3);
    t.equal(new Set(backends.map(({ address }) => address)).size, 3);
    for (const { address } of backends) t.match(address, /^127\.0\.0\.1:(2\d|3[01])\d{3}$/);
    await harbor.backends('both-web', 6);

    const hello = [0, 1, 2].map((index) => `hello from instance ${index}`);
    const heard: string[] = [];
    for (let each = 0; each < 6; each++) heard.push(await client.greeting(web.port, host.ipv4));
    t.strictSame(heard, [...hello, ...hello], 'in turns');
    t.equal(await client.askUdp(both.port, 'x', host.ipv4), 'instance 0: x');
    t.equal((await traces(lab, app)).length, 3 + 3 + 1, 'three namespaces, three cables, a table');

    const [first = ''] = pidsOf(app.lines);
    process.kill(Number(first), 'SIGKILL');
    await app.said(/instance 0 serves tcp .* behind web/, 2);
    await eventually(
      'the next to take over',
      async () => (await client.askUdp(both.port, 'y', host.ipv4)) === 'instance 1: y',
    );
    await harbor.backends('web', 3);
    t.equal((await traces(lab, app)).length, 7, 'what the dead one had has gone');

    t.equal(await app.stop(), 0);
    t.strictSame(await traces(lab, app), [], 'nothing is left');
    t.equal(await client.greeting(web.port, host.ipv4), 'ECONNRESET');
  });

  await t.test('one that dies takes along what got away from it', async (t) => {
    const away = 'setsid sleep 1000 & echo away $!; sleep 0.2; exit 1';
    const app = harbor.run(t, ['--isolate', '--app', 'demo', '--', 'sh', '-c', away]);
    const [line] = await app.said(/away \d+/);
    const pid = /away (\d+)/.exec(line ?? '')?.[1] ?? '';
    await app.said(/ended with exit code 1/);
    await eventually('it to end', () => !existsSync(`/proc/${pid}`));
    t.equal(await app.stop(), 0);
    t.strictSame(await traces(lab, app), []);
  });

  await t.test('what a killed one leaves the next one takes away', async (t) => {
    const killed = harbor.run(t, [...ISOLATED, ...ECHO]);
    await killed.said(/serves tcp .* behind web/);
    await killed.stop('SIGKILL');
    const next = harbor.run(t, ['--app', 'next', '--', 'sleep', '60']);
    await next.said(/instance 0 starts/);
    t.strictSame(await traces(lab, killed), []);
    // Killed it is at once, gone only when its parent, by now init, has looked.
    for (const pid of pidsOf(killed.lines))
      t.ok(await eventually(`pid ${pid} to go`, () => !existsSync(`/proc/${pid}`)));
    await next.stop();
  });
});

t.test('harbor run --isolate - for a node on another machine', { skip: noLab }, async (t) => {
  const lab = await buildLab(t);
  const { client, harbor: host } = lab;
  // The node calls itself by an address that this machine does not have: it counts as another one.
  const harbor = await TestHarbor.start(t, { netns: host.netns, env: { HARBOR_NODE_HOST: client.ipv4 } });
  await harbor.create('web');
  const app = harbor.run(t, ['--isolate', '--app', 'far', '--service', 'web', ...ECHO]);
  const [line = ''] = await app.said(/serves tcp .* behind web/);
  const [, address = '', port = ''] = /tcp ([\d.]+):(\d+) behind/.exec(line) ?? [];
  t.equal(await client.greeting(Number(port), address), 'hello from instance 0', 'reached from elsewhere');
  t.match(await harbor.backends('web', 1), [{ address: `${address}:${port}` }], 'which is what is announced');
  await app.stop();

  await host.run('sysctl', '-qw', 'net.ipv4.ip_forward=0');
  const refused = await harbor.harbor('run', '--isolate', '--service', 'web', ...ECHO);
  t.match(refused, { code: 1, stderr: /another machine.*sysctl -w net\.ipv4\.ip_forward=1/ });
  t.strictSame(await traces(lab, app), []);
});

t.test('harbor run --isolate - refused with the reason', { skip: noLab }, async (t) => {
  const directory = temporaryDirectory();
  t.teardown(() => directory.remove());
  chmodSync(directory.path, 0o777);
  const home = { PATH: process.env.PATH, HARBOR_HOME: directory.path, HOME: directory.path };
  const run = (env: NodeJS.ProcessEnv, ...through: string[]) =>
    runCommand(
      'env',
      [...through, process.execPath, join(process.cwd(), 'bin/harbor'), 'run', ...ISOLATED, ...ECHO],
      {
        env,
      },
    );
  const user = await run(home, 'setpriv', '--reuid', '65534', '--clear-groups');
  t.match(user, {
    code: 1,
    stderr: /needs root[\s\S]*HARBOR_ISOLATION_UNAVAILABLE[\s\S]*leave --isolate out/,
  });
  const bin = join(directory.path, 'bin');
  await runCommand('mkdir', [bin]);
  for (const program of ['env', 'setpriv']) symlinkSync(`/usr/bin/${program}`, join(bin, program));
  const without = await run({ ...home, PATH: bin });
  t.match(without, { code: 1, stderr: /needs ip, .*apt-get install -y iproute2/ });
});
