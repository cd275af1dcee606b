import { commandOf } from '@harbor/machine';
import { eventually } from '@harbor/testbed';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { testHome } from './harness.js';

t.test(
  'kato run - everything in the foreground, until it is interrupted; nothing is left behind',
  async (t) => {
    const home = await testHome(t);
    const running = home.kato('run');
    const pid = await eventually('kato run to be there', () =>
      home.living().find((each) => commandOf(each).endsWith('kato run')),
    );
    await eventually('everything to serve', async () => {
      const processes = await home.processes();
      return processes.every(({ state }) => state === 'RUNNING');
    });
    process.kill(pid, 'SIGINT');
    const { code, out, err } = await running;
    t.equal(code, 0, err);
    t.match(out, 'Harbor is running');
    t.match(out, 'bin/kato status', 'it says what to type next');
    t.match(out, /Harbor is stopped\n$/);
    t.ok(await home.allGone());
    t.notOk(existsSync(join(home.dir, 'var/kato.sock')));
  },
);

t.test('kato run - when it is killed nothing is left running', async (t) => {
  const home = await testHome(t);
  const running = home.kato('run');
  await eventually('a process to be started', async () =>
    (await home.processes()).some(({ pid }) => pid !== null),
  );
  const pid = home.living().find((each) => commandOf(each).endsWith('kato run'));
  process.kill(pid!, 'SIGKILL');
  t.equal((await running).code, -1, 'no exit code of its own');
  t.ok(await eventually('no process of the home to be left', () => home.living().length === 0));
});
