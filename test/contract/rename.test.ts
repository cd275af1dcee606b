import {
  CHECKOUT,
  connected,
  exchange,
  greeting,
  runCommand,
  TestHarbor,
  type RunningApp,
} from '@harbor/testbed';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';

/** `harbor rename-service`, seen by an application that `harbor run` runs (contract §4). */
t.test('services - are renamed under an application that runs', async (t) => {
  const harbor = await TestHarbor.start(t, { env: { HARBOR_PROXY_CONNECTOR_DATA_PLANE: 'embedded' } });
  const folder = join(harbor.home, 'app');
  mkdirSync(folder);
  // Says what it finds, and serves each port.
  writeFileSync(
    join(folder, 'server.js'),
    `const { createServer } = require('node:net');
    const { STACKATO_SERVICES, ...env } = process.env;
    const ours = Object.keys(env).filter((name) => name.startsWith('STACKATO_HARBOR_'));
    console.log('finds', Object.keys(JSON.parse(STACKATO_SERVICES)).join(' '), 'in', ours.sort().join(' '));
    for (const name of ours)
      createServer((socket) => { socket.write('served\\n'); socket.on('error', () => {}).pipe(socket); }).listen(Number(env[name]));`,
  );
  await harbor.create('other');
  await harbor.must('harbor', 'bind-service', 'demo', 'other');
  const { port } = await harbor.create('web');
  const words = ['--app', 'demo', '--service', 'web', '--', process.execPath, 'server.js'];
  const app = harbor.run(t, words, { cwd: folder });
  await app.said(/finds other web in STACKATO_HARBOR_OTHER STACKATO_HARBOR_WEB/);
  await harbor.backends('web', 1);
  const { socket } = await connected(port);

  await t.test('it keeps its port and its connections', async (t) => {
    const { code, stdout } = await harbor.harbor('rename-service', 'web', 'udp-web');
    t.equal(code, 0);
    t.match(stdout, new RegExp(`renamed web to udp-web\\n[^]*${port}`));
    t.equal(await exchange(socket, 'still here'), 'still here');
    t.equal(await greeting(port), 'served');
    t.match(await harbor.explain(port), { service: { name: 'udp-web', protocol: 'tcp', port } });
    t.match(await harbor.harbor('service', 'web'), { code: 1, stderr: /HARBOR_SERVICE_NOT_FOUND/ });
    socket.destroy();
  });

  await t.test('the application finds the new name at its next start, and serves on', async (t) => {
    await restarted(app);
    await app.said(/finds other udp-web in STACKATO_HARBOR_OTHER STACKATO_HARBOR_UDP_WEB/);
    await app.said(/serves tcp .* behind udp-web/);
    await harbor.backends('udp-web', 1);
    t.equal(await greeting(port), 'served');
    t.match(await harbor.must('harbor', 'env', 'demo'), /other/);
  });

  await t.test('a name that is bound is found by its new name, too', async (t) => {
    await harbor.must('harbor', 'rename-service', 'other', 'another');
    t.match(await harbor.must('harbor', 'env', 'demo', '--json'), /"another/);
    await restarted(app);
    await app.said(/finds another udp-web in STACKATO_HARBOR_ANOTHER STACKATO_HARBOR_UDP_WEB/);
  });

  await t.test('a name that is taken is refused, and nothing changes', async (t) => {
    t.match(await harbor.harbor('rename-service', 'udp-web', 'another'), {
      code: 1,
      stderr: /the name "another" is taken \(HARBOR_SERVICE_EXISTS\)/,
    });
    t.match(await harbor.harbor('rename-service', 'none', 'x'), {
      code: 1,
      stderr: /HARBOR_SERVICE_NOT_FOUND/,
    });
    t.match(await harbor.harbor('rename-service', 'udp-web', ''), { code: 2 });
    t.strictSame((await harbor.services()).map(({ name }) => name).sort(), ['another', 'udp-web']);
  });

  await t.test('an old name is free again, and the protocol the name chooses can be had', async (t) => {
    t.match(await harbor.create('other'), { name: 'other' });
    await harbor.must('harbor', 'update-service', 'udp-web', '-c', '{"protocol":null}');
    t.match(await harbor.explain('udp-web'), { service: { protocol: 'udp', port } });
  });

  await t.test('a name with blanks and quotes can be copied as it is printed', async (t) => {
    const odd = "udp-it's an $ODD name";
    await harbor.create('plain');
    const { code, stderr } = await harbor.harbor('rename-service', 'plain', odd);
    t.equal(code, 0, stderr);
    const printed = /harbor update-service .*/.exec(stderr)?.[0] ?? 'no command';
    const env = { ...harbor.env, NODE: process.execPath, CLI: join(CHECKOUT, 'bin/harbor') };
    const typed = await runCommand('sh', ['-c', `harbor() { "$NODE" "$CLI" "$@"; }\n${printed}`], { env });
    t.equal(typed.code, 0, `${printed}: ${typed.stderr}`);
    t.match(await harbor.explain(odd), { service: { name: odd, protocol: 'udp' } });
  });

  await t.test('a restart of all of Harbor keeps the new names', async (t) => {
    await harbor.must('kato', 'restart');
    t.match(await harbor.explain('another'), { service: { name: 'another' } });
  });
});

/** Kills its only instance, and resolves when the next one has started. */
async function restarted(app: RunningApp): Promise<void> {
  const lines = app.lines.filter((line) => line.includes('instance 0 starts, pid'));
  process.kill(Number(/pid (\d+)/.exec(lines.at(-1) ?? '')?.[1]), 'SIGKILL');
  await app.said(/instance 0 starts, pid/, lines.length + 1);
}
