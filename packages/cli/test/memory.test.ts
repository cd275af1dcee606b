import { temporaryDirectory } from '@harbor/testbed';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { ending, placed } from '../src/dea/berth.js';
import { MemoryGroups } from '../src/isolation/memory.js';

const OWNER = { pid: 7, started: '8' };
const GROUP = 'harbor-run-7-8-0';

function root(t: { teardown(task: () => void): void }): string {
  const directory = temporaryDirectory();
  t.teardown(() => directory.remove());
  return directory.path;
}

/** What is made below a root; the test fails where nothing can be. */
function groups(path: string): MemoryGroups {
  const made = MemoryGroups.open(OWNER, path);
  if (typeof made === 'string') throw new Error(made);
  return made;
}

t.test('memory - version 2 gets its limit in memory.max, and its controller is turned on', async (t) => {
  const path = root(t);
  writeFileSync(join(path, 'cgroup.subtree_control'), 'cpu memory');
  const memory = groups(path).make(1.5);
  t.equal(memory.directory, join(path, GROUP));
  t.equal(readFileSync(join(path, GROUP, 'memory.max'), 'utf8'), String(1.5 * 1_024 * 1_024));
  const events = (text: string): void => writeFileSync(join(path, GROUP, 'memory.events'), text);
  events('low 0\nhigh 0\nmax 3\noom 1\noom_kill 0\noom_group_kill 0\n');
  t.equal(memory.exceeded(), false);
  events('low 0\nhigh 0\nmax 3\noom 1\noom_kill 12\noom_group_kill 1\n');
  t.equal(memory.exceeded(), true);
});

t.test('memory - where version 1 has the controller it gets its own files', async (t) => {
  const path = root(t);
  mkdirSync(join(path, 'memory'));
  writeFileSync(join(path, 'memory', 'memory.limit_in_bytes'), '');
  const memory = groups(path).make(64);
  t.equal(memory.directory, join(path, 'memory', GROUP));
  t.equal(readFileSync(join(memory.directory, 'memory.limit_in_bytes'), 'utf8'), String(64 * 1_024 * 1_024));
  writeFileSync(
    join(memory.directory, 'memory.oom_control'),
    'oom_kill_disable 0\nunder_oom 0\noom_kill 1\n',
  );
  t.equal(memory.exceeded(), true);
});

t.test('memory - where there is nothing to keep it with, the reason is said', async (t) => {
  const path = root(t);
  t.equal(MemoryGroups.open(OWNER, path), `${path} has no memory controller that can be used`);
  mkdirSync(join(path, 'cgroup.subtree_control'));
  t.match(MemoryGroups.open(OWNER, path), /no memory controller/);
});

t.test('memory - who was ended for it is told apart from who ended otherwise', async (t) => {
  const berth = (exceeded: boolean) => ({
    memory: {
      megabytes: 64,
      command: (words: readonly string[]) => ['in', ...words],
      exceeded: () => exceeded,
    },
    command: (words: readonly string[]) => ['there', ...words],
  });
  const killed = 'was ended by the kernel: it needed more than its 64 MB';
  t.equal(ending(berth(true), 'ended by SIGKILL'), killed);
  t.equal(ending(berth(true), 'ended with exit code 137'), killed);
  t.equal(
    ending(berth(true), 'ended with exit code 1'),
    'ended with exit code 1; the kernel had ended a process of it, for it needed more than its 64 MB',
  );
  t.equal(ending(berth(false), 'ended by SIGKILL'), 'ended by SIGKILL');
  t.equal(ending({}, 'ended by SIGKILL'), 'ended by SIGKILL');
  t.strictSame(placed(berth(false), ['x']), ['in', 'there', 'x']);
  t.strictSame(placed({ command: (words) => ['there', ...words] }, ['x']), ['there', 'x']);
});
