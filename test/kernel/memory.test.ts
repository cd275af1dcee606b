import { eventually, runCommand, TestHarbor } from '@harbor/testbed';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { noLab } from './support/stage.js';

const ROOT = '/sys/fs/cgroup';

/** The control groups of a `harbor run` that are there, in either version. */
const groupsOf = (pid: number): string[] =>
  [ROOT, join(ROOT, 'memory')]
    .flatMap((folder) => (existsSync(folder) ? readdirSync(folder) : []))
    .filter((name) => name.startsWith(`harbor-run-${pid}-`));

/** True where this machine lets us make a control group that has the memory controller. */
async function canLimit(): Promise<boolean> {
  const script = `for at in ${ROOT} ${ROOT}/memory; do
    dir=$at/harbor-test-$$; mkdir $dir || continue; ls $dir; rmdir $dir; done 2>/dev/null`;
  return /^memory\.(max|limit_in_bytes)$/m.test((await runCommand('sh', ['-c', script])).stdout);
}

t.test('harbor run --isolate - keeps instances to the memory of the manifest', { skip: noLab }, async (t) => {
  // In the machine's own network: ip(8) hides the control groups from what it starts in another one.
  const harbor = await TestHarbor.start(t, { env: { HARBOR_PROXY_CONNECTOR_DATA_PLANE: 'embedded' } });
  const cwd = join(harbor.home, 'app');
  mkdirSync(cwd);
  writeFileSync(
    join(cwd, 'stackato.yml'),
    'name: eater\nmem: 96\nprocesses: { web: ~ }\ncommand: node eater.js\nservices: { meals: harbor }\n',
  );
  // A client asks for so many MB; the answer comes when they are used.
  writeFileSync(
    join(cwd, 'eater.js'),
    `const kept = [];
    require('node:net').createServer((socket) => socket.on('error', () => {}).on('data', (data) => {
      for (let at = 0; at < Number(data); at++) kept.push(Buffer.alloc(1024 * 1024, 1));
      socket.end('eaten\\n');
    })).listen(Number(process.env.STACKATO_HARBOR));`,
  );
  const app = harbor.run(t, ['--isolate'], { cwd });
  await app.said(/serves tcp .* behind meals/);
  const [meals] = await harbor.services();
  const eat = (megabytes: number): Promise<string> => exchanged(meals?.port ?? 0, String(megabytes));

  await eventually('what it may need', async () => (await eat(1)) === 'eaten');
  const limits = await canLimit();
  if (limits) {
    t.equal(groupsOf(app.pid).length, 1);
    t.equal(await eat(400), '');
    await app.said(/instance 0 was ended by the kernel: it needed more than its 96 MB$/);
    await app.said(/instance 0 is started again in/);
    await app.said(/serves tcp .* behind meals/, 2);
    await eventually('the next one to serve', async () => (await eat(1)) === 'eaten');
    t.equal(groupsOf(app.pid).length, 1, 'what the dead one had has gone');
    t.notOk(app.lines.some((line) => line.includes('not kept')));
  } else {
    const said = app.lines.filter((line) => line.includes('told of their 96 MB, but not kept to them: '));
    t.equal(said.length, 1, 'that nobody keeps it to its memory is said once');
    t.equal(await eat(400), 'eaten');
  }
  t.equal(await app.stop(), 0);
  t.strictSame(groupsOf(app.pid), [], 'nothing is left');

  await t.test('what one that was killed has left the next one takes away', async (t) => {
    const killed = harbor.run(t, ['--isolate'], { cwd });
    await killed.said(/serves tcp .* behind meals/);
    await killed.stop('SIGKILL');
    t.equal(groupsOf(killed.pid).length, limits ? 1 : 0);
    const next = harbor.run(t, ['--isolate'], { cwd });
    await next.said(/serves tcp .* behind meals/);
    t.strictSame(groupsOf(killed.pid), []);
    t.equal(await next.stop(), 0);
  });
});

/** What is answered until the connection ends, however it does. */
function exchanged(port: number, text: string): Promise<string> {
  return new Promise((done) => {
    let heard = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(text));
    socket.on('data', (data) => (heard += data.toString()));
    socket.on('error', () => undefined);
    socket.on('close', () => done(heard.trim()));
  });
}
