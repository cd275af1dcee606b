import { MANUAL as HARBOR, program as harbor } from '@harbor/cli';
import { MANUAL as KATO, program as kato } from '@harbor/kato';
import { describeCommands, manualPage } from '@harbor/terminal';
import { CHECKOUT, runCommand } from '@harbor/testbed';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';

const programs = [
  { manual: HARBOR, commands: describeCommands(harbor({})), page: join(CHECKOUT, 'man/harbor.1') },
  { manual: KATO, commands: describeCommands(kato([], {})), page: join(CHECKOUT, 'man/kato.1') },
];

for (const { manual, commands, page } of programs) {
  const { program } = manual;

  t.test(`${program} --help - every command says what it does, and shows how`, async (t) => {
    t.ok(commands.length > 10);
    for (const { path, description, commands: below, examples } of commands) {
      const name = `${program} ${path}`.trim();
      t.match(description, /^[A-Z].*\.$/, `${name} has a sentence`);
      if (below.length > 0) continue;
      t.ok(examples.length > 0, `${name} has an example`);
      t.ok(
        examples.some((example) => example.includes(name)),
        `an example of ${name} is one of it`,
      );
    }
  });

  t.test(`${program} --help - every example is a command that there is, with options it has`, async (t) => {
    const known = new Map(commands.map((each) => [each.path, each]));
    for (const { path, examples } of commands)
      for (const example of examples) {
        const own = example.replace(/ -- .*$/, '').split(new RegExp(`(?:^|[ ("])${program} `))[1] ?? '';
        const words = own.split(' ');
        let found = known.get('');
        for (let at = 1; known.has(words.slice(0, at).join(' ')) && at <= words.length; at++)
          found = known.get(words.slice(0, at).join(' '));
        t.not(found?.path, '', `${example} (of ${path})`);
        t.strictSame(found?.commands, [], `${example} (of ${path}) names one of a group`);
        const flags = found?.options.flatMap(({ short, long }) => [short, long]) ?? [];
        for (const flag of own.match(/(?<= )--?[a-z][\w-]*/g) ?? [])
          t.ok(flags.includes(flag), `${example}: there is ${flag}`);
      }
  });

  t.test(`${program} - ends without a word where its reader has gone`, async (t) => {
    const script = `exec 3> >(exit 0); wait $!; "$0" "$1" completion bash >&3`;
    const words = ['-c', script, process.execPath, join(CHECKOUT, 'bin', program)];
    t.match(await runCommand('bash', words), { code: 141, stderr: '' });
  });

  t.test(`man ${program} - is what the definitions say`, async (t) => {
    const wanted = manualPage(manual, commands);
    if (process.env.HARBOR_WRITE_DOCS === '1') await writeFile(page, wanted);
    t.equal(await readFile(page, 'utf8'), wanted, 'else: npm run docs');
  });

  t.test(`man ${program} - groff has nothing to say against it`, async (t) => {
    const { code, stderr } = await runCommand('groff', ['-man', '-ww', '-z', page]);
    t.equal(code, 0);
    t.equal(stderr, '');
  });

  t.test(`man ${program} - a reader finds what --help has: commands, options, examples`, async (t) => {
    // Wide lines, so that no text is broken; no overstriking, which would repeat letters.
    const { stdout } = await runCommand('groff', ['-man', '-Tascii', '-P-cbou', '-rLL=2000n', page]);
    const shown = stdout.replace(/\s+/g, ' ');
    const help = await runCommand(join(CHECKOUT, 'bin', program), ['--help'], { cwd: CHECKOUT });
    const listed = [...help.stdout.matchAll(/^ {2}([a-z][\w-]*)(?: .*)?$/gm)].map(([, name = '']) => name);
    t.ok(listed.length > 8);
    for (const name of listed.filter((each) => each !== 'help')) t.match(shown, `${program} ${name}`);
    for (const { path, options, examples } of commands) {
      for (const { flags } of options) t.match(shown, ` ${flags} `, `${path} ${flags}`);
      for (const example of examples.filter(() => known(path))) t.match(shown, `$ ${example}`);
    }
  });

  /** Examples of groups are left to the commands in them. */
  function known(path: string): boolean {
    return commands.some((each) => each.path === path && (path === '' || each.commands.length === 0));
  }
}
