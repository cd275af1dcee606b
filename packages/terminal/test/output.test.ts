import { Command } from 'commander';
import t from 'tap';
import { pointToHelp, speakingAs } from '../src/index.js';

t.test('usage - what is wrong with the words of a command points to its own --help', (t) => {
  const said: string[] = [];
  const program = new Command('tool')
    .exitOverride()
    .configureOutput({ ...speakingAs('tool'), writeErr: (text) => said.push(text) });
  program.command('drain').command('add').argument('<NAME>');
  pointToHelp(program);
  const run = (...words: readonly string[]): string => {
    said.length = 0;
    t.throws(() => program.parse([...words], { from: 'user' }));
    return said.join('');
  };
  t.equal(
    run('drain', 'add'),
    "tool: missing required argument 'NAME' (HARBOR_USAGE)\nSee: tool drain add --help\n",
  );
  t.match(run('drian'), /See: tool --help\n$/);
  t.end();
});
