import { eventually, temporaryDirectory } from '@harbor/testbed';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { Runner } from '../src/index.js';

t.test(
  'runner - programs run in a process of its own, with what they are told and what they say',
  async (t) => {
    const runner = new Runner();
    t.teardown(() => runner.close());
    const pid = runner.start();
    t.equal(await runner.run('cat', [], 'a table\n'), 'a table\n');
    const parents = await Promise.all([1, 2].map(() => runner.run('sh', ['-c', 'echo $PPID'])));
    t.strictSame(parents, [`${pid}\n`, `${pid}\n`], 'none of them is a child of ours');
    await t.rejects(runner.run('sh', ['-c', 'echo no such table >&2; exit 1']), {
      code: 'HARBOR_DATA_PLANE_UNAVAILABLE',
      message: /no such table/,
    });
    await t.rejects(runner.run('/nowhere/nft', []), { message: /ENOENT/ });
  },
);

t.test(
  'runner - one that is killed fails what it had under way, and the next order finds another',
  async (t) => {
    const runner = new Runner();
    t.teardown(() => runner.close());
    const pid = runner.start() ?? 0;
    const failed = t.rejects(runner.run('sh', ['-c', 'while kill -0 $PPID; do sleep 0.1; done']), {
      message: /has ended/,
    });
    t.equal(await runner.run('echo', ['on']), 'on\n');
    process.kill(pid, 'SIGKILL');
    await failed;
    t.equal(await runner.run('echo', ['again']), 'again\n');
  },
);

t.test('runner - it ends with the one that asks, and not before its work is done', async (t) => {
  const directory = temporaryDirectory();
  t.teardown(() => directory.remove());
  const at = (name: string): string => join(directory.path, name);
  const runner = new Runner();
  const pid = runner.start() ?? 0;
  const script =
    'touch "$1"; while [ -e "$1" ] && [ ! -e "$2" ]; do sleep 0.05; done; kill -0 $PPID && touch "$3"';
  const work = runner.run('sh', ['-c', script, 'sh', at('begun'), at('go'), at('done')]);
  // Who has closed it hears no more of it than that.
  const unheard = t.rejects(work, { message: /has ended/ });
  await eventually('the work to begin', () => existsSync(at('begun')));
  runner.close();
  writeFileSync(at('go'), '');
  await eventually('it to end', () => !existsSync(`/proc/${pid}`));
  t.ok(existsSync(at('done')), 'it was there until the work was done');
  await unheard;
});
