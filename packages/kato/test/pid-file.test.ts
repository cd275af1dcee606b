import { eventually, temporaryDirectory } from '@harbor/testbed';
import { processStartTime } from '@harbor/machine';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t, { type Test } from 'tap';
import { controlSocket, takeHomeLock } from '../src/supervisor/lock.js';
import { PidFile } from '../src/supervisor/pid-file.js';

const directory = temporaryDirectory();
t.teardown(() => directory.remove());
const path = join(directory.path, 'run', 'some.pid');

/** A process that can be ended; `stubborn` ones do not listen to SIGTERM. */
async function aProcess(t: Test, stubborn = false) {
  const trap = stubborn ? "process.on('SIGTERM', () => undefined);" : '';
  const code = `${trap} setInterval(() => undefined, 1000); process.stdout.write('up');`;
  const child = spawn(process.execPath, ['-e', code], { stdio: ['ignore', 'pipe', 'ignore'] });
  t.teardown(() => child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  return child;
}

t.test('pid file - it names a living process, and nothing once that has gone', async (t) => {
  const child = await aProcess(t);
  const file = new PidFile(directory.path, 'some');
  t.equal(file.alive(), undefined, 'there is none yet');
  file.write(child.pid!);
  t.equal(file.alive(), child.pid);
  t.equal(readFileSync(path, 'utf8'), `${child.pid} ${processStartTime(child.pid!)}\n`);
  child.kill('SIGKILL');
  await once(child, 'exit');
  t.equal(file.alive(), undefined);
  t.ok(file.exists, 'the file is still there: it was not ended on purpose');
});

t.test('pid file - a process that was left behind is ended, and its file goes', async (t) => {
  const child = await aProcess(t);
  const exit = once(child, 'exit');
  const file = new PidFile(directory.path, 'some');
  file.write(child.pid!);
  await file.clear(60_000);
  t.strictSame(await exit, [null, 'SIGTERM']);
  t.notOk(file.exists);
});

t.test('pid file - one that does not listen is killed after the patience is over', async (t) => {
  const child = await aProcess(t, true);
  const exit = once(child, 'exit');
  const file = new PidFile(directory.path, 'some');
  file.write(child.pid!);
  await file.clear(0);
  t.strictSame(await exit, [null, 'SIGKILL']);
});

t.test('pid file - another process that has got the pid since is left alone', async (t) => {
  const child = await aProcess(t);
  writeFileSync(path, `${child.pid} ${Number(processStartTime(child.pid!)) - 1}\n`);
  const file = new PidFile(directory.path, 'some');
  t.equal(file.alive(), undefined);
  await file.clear(0);
  t.notOk(file.exists, 'the stale file goes');
  t.ok(processStartTime(child.pid!), 'the process stays');
});

t.test('pid file - a damaged one names nobody', async (t) => {
  const file = new PidFile(directory.path, 'some');
  for (const text of ['', '\n', 'x y', String(process.pid), `${process.pid} `, '-1 0', '0 0', '1 ']) {
    writeFileSync(path, text);
    t.equal(file.alive(), undefined, JSON.stringify(text));
  }
  await file.clear(0);
  t.notOk(file.exists);
});

t.test('lock - two supervisors of one home cannot be, those of two homes can', async (t) => {
  const first = await takeHomeLock(join(directory.path, 'a'), 'kato');
  t.ok(first);
  t.equal(await takeHomeLock(join(directory.path, 'a'), 'kato'), undefined);
  const other = await takeHomeLock(join(directory.path, 'b'), 'kato');
  t.ok(other);
  await new Promise((resolve) => first!.close(resolve));
  const next = await eventually('the lock to be free again', () =>
    takeHomeLock(join(directory.path, 'a'), 'kato'),
  );
  for (const server of [next, other!]) server.close();
});

t.test('lock - a socket has a path that the kernel takes, however deep the home', (t) => {
  t.equal(controlSocket('/h', '/h/var'), '/h/var/kato.sock');
  const deep = `/${'deep/'.repeat(30)}home`;
  const [socket, other] = [controlSocket(deep, `${deep}/var`), controlSocket(`${deep}2`, `${deep}2/var`)];
  for (const each of [socket, other]) t.teardown(() => rmSync(dirname(each), { recursive: true }));
  t.ok(socket.length < 108);
  t.equal(socket, controlSocket(deep, `${deep}/var`), 'always the same one');
  t.not(socket, other, 'and of this home only');
  t.end();
});
