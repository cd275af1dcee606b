import { eventually, startCommand } from '@harbor/testbed';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { KATO, testHome, type TestHome } from './harness.js';

/** `kato run` as it goes on. */
function startRun({ env }: TestHome) {
  const child = startCommand(process.execPath, [KATO, 'run'], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const said = { out: '', err: '' };
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (said.out += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (said.err += text));
  const ended = new Promise<number | NodeJS.Signals | null>((done) =>
    child.once('close', (code, signal) => done(code ?? signal)),
  );
  return { child, said, ended };
}

t.test(
  'kato run - everything in the foreground, until it is interrupted; nothing is left behind',
  async (t) => {
    const home = await testHome(t);
    const { child, said, ended } = startRun(home);
    await eventually('it to say what to type next', () => said.out.includes('Ctrl-C stops everything.\n'));
    const processes = await home.processes();
    t.ok(processes.length > 0 && processes.every(({ state }) => state === 'RUNNING'));
    child.kill('SIGINT');
    t.equal(await ended, 0, said.err);
    t.match(said.out, 'Harbor is running');
    t.match(said.out, 'bin/kato status');
    t.match(said.out, /Harbor is stopped\n$/);
    t.ok(await home.allGone());
    t.notOk(existsSync(join(home.dir, 'var/kato.sock')));
  },
);

t.test('kato run - when it is killed nothing is left running', async (t) => {
  const home = await testHome(t);
  const { child, ended } = startRun(home);
  await eventually('a process to be started', async () =>
    (await home.processes()).some(({ pid }) => pid !== null),
  );
  child.kill('SIGKILL');
  t.equal(await ended, 'SIGKILL');
  t.ok(await eventually('no process of the home to be left', () => home.living().length === 0));
});

t.test('kato run - interrupted while it begins, it leaves nothing behind', async (t) => {
  const home = await testHome(t);
  const { child, said, ended } = startRun(home);
  await eventually('its supervisor to be on its way', () => home.living().length > 1);
  child.kill('SIGINT');
  child.kill('SIGINT');
  t.equal(await ended, 0, said.err);
  t.match(said.err, /^stopping …$/m);
  t.notMatch(said.out, 'Harbor is running');
  t.ok(await home.allGone());
});

t.test('kato run - a supervisor whose guard never comes ends', async (t) => {
  const home = await testHome(t);
  const supervisor = startCommand(process.execPath, [KATO, 'supervise', '--foreground'], { env: home.env });
  const ended = new Promise((done) => supervisor.once('close', done));
  t.equal(await ended, 0);
  t.ok(await home.allGone());
});
