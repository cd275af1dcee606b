import { CHECKOUT, eventually, runCommand, startCommand, temporaryDirectory } from '@harbor/testbed';
import { once } from 'node:events';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';

/** Names that services may have: with one a careless script would run what it is told. */
const NAMES = ['web', 'udp-syslog', 'two words', '$(touch ran)', 'both-dns'];

const directory = temporaryDirectory();
t.teardown(() => directory.remove());
const env = {
  PATH: `${directory.path}:${process.env.PATH ?? ''}`,
  HOME: directory.path,
  TERM: 'xterm',
  LANG: 'C.UTF-8',
};
const options = { env, cwd: directory.path };
const at = (name: string): string => join(directory.path, name);

t.before(async () => {
  for (const program of ['harbor', 'kato']) {
    for (const shell of ['bash', 'zsh', 'fish']) {
      const { stdout } = await runCommand(join(CHECKOUT, 'bin', program), ['completion', shell]);
      writeFileSync(at(`${program}.${shell}`), stdout);
    }
    // What is typed is not to be done: it says what it was given, and names when it is asked for them.
    const names = NAMES.map((name) => `'${name}'`).join(' ');
    const stand = `#!/bin/sh\nif [ "$1" = names ]; then printf '%s\\n' ${names}; else echo "RAN: $*"; fi\n`;
    writeFileSync(at(program), stand);
    chmodSync(at(program), 0o755);
  }
  writeFileSync(at('deploy.yml'), '');
});

/** What bash offers for the last word; `=` stands alone there. */
async function inBash(...words: readonly string[]): Promise<string[]> {
  const program = words[0] ?? '';
  const script = `source ${program}.bash
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _${program} ${program}
if [ "\${#COMPREPLY[@]}" -gt 0 ]; then printf '%s\\n' "\${COMPREPLY[@]}"; fi`;
  const { code, stdout, stderr } = await runCommand('bash', ['--norc', '-c', script, '-', ...words], options);
  if (code !== 0 || stderr !== '') throw new Error(`bash: ${stderr}`);
  return lines(stdout);
}

async function inFish(line: string): Promise<string[]> {
  const script = `source harbor.fish; source kato.fish; complete -C ${JSON.stringify(line).replaceAll('$', '\\$')}`;
  const { code, stdout, stderr } = await runCommand('fish', ['--no-config', '-c', script], options);
  if (code !== 0 || stderr !== '') throw new Error(`fish: ${stderr}`);
  return lines(stdout).map((each) => each.split('\t')[0] ?? '');
}

function lines(text: string): string[] {
  return text === '' ? [] : text.trimEnd().split('\n');
}

/** What a command that was typed was given, to the end of its line: output comes in pieces. */
const RAN = /^RAN: .*\r?\n/m;

/** Types into a shell on a terminal of its own until its output fits. */
async function typeInto(shell: string, setUp: string, keys: string, wanted: RegExp): Promise<string> {
  const child = startCommand('script', ['-qfec', shell, '/dev/null'], {
    ...options,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let said = '';
  child.stdout?.on('data', (data) => (said += String(data)));
  try {
    child.stdin?.write(`${setUp}; echo rea''dy\n`);
    await eventually(`${shell} to be ready`, () => said.includes('ready'));
    said = '';
    child.stdin?.write(keys);
    await eventually(`${String(wanted)} in ${said}`, () => wanted.test(said)).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${said}`);
    });
    return said;
  } finally {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
}

t.test('completion in bash - commands, options, and their values', async (t) => {
  t.strictSame(await inBash('harbor', 'cre'), ['create-service']);
  t.strictSame(await inBash('kato', 'log', 'drain', ''), ['add', 'delete', 'list', 'status']);
  t.strictSame(await inBash('harbor', 'run', '--ins'), ['--instances']);
  t.strictSame(await inBash('harbor', 'create-service', '--plan', ''), ['tcp', 'udp', 'both', 'free']);
  t.strictSame(await inBash('harbor', 'create-service', '--plan', '=', 'u'), ['udp']);
  t.strictSame(await inBash('harbor', 'create-service', '-p', 'udp', 'h'), ['harbor']);
  t.strictSame(await inBash('harbor', 'create-service', 'harbor', ''), [], 'a new name is thought up');
  t.strictSame(await inBash('kato', 'restart', 'harbor_n'), ['harbor_node']);
  t.strictSame(await inBash('kato', 'config', 'set', 'harbor_node', 'port_'), ['port_range']);
  t.strictSame(await inBash('kato', 'data', 'import', 'dep'), ['deploy.yml']);
  t.strictSame(await inBash('harbor', 'run', '--app', 'demo', '--', 'node', 'dep'), ['deploy.yml']);
});

t.test('completion in bash - what is hidden is not offered', async (t) => {
  const offered = [...(await inBash('harbor', '')), ...(await inBash('kato', ''))];
  t.ok(offered.includes('services') && offered.includes('status'));
  for (const hidden of ['names', 'guard', 'supervise']) t.notOk(offered.includes(hidden), hidden);
});

t.test('completion in bash - names of services are asked for, quoted, and never run', async (t) => {
  t.strictSame(await inBash('harbor', 'service', ''), [
    'web',
    'udp-syslog',
    String.raw`two\ words`,
    String.raw`\$\(touch\ ran\)`,
    'both-dns',
  ]);
  t.strictSame(await inBash('harbor', 'bind-service', 'demo', 'u'), ['udp-syslog']);
  const { code } = await runCommand('test', ['-e', at('ran')]);
  t.equal(code, 1);
});

t.test('completion in bash - the Tab key of a real one', async (t) => {
  const said = await typeInto('bash --norc -i', 'source harbor.bash', 'harbor cre\tharb\tnew\n', RAN);
  t.match(said, 'RAN: create-service harbor new');
});

t.test('completion in zsh - the Tab key: commands, options, values, names', async (t) => {
  const zsh = async (keys: string, wanted: RegExp): Promise<string> =>
    typeInto(
      'zsh -f -i',
      'autoload -Uz compinit; compinit -u -d ./dump; . ./harbor.zsh; . ./kato.zsh',
      keys,
      wanted,
    );
  t.match(await zsh('harbor cre\tharb\tnew\n', RAN), 'RAN: create-service harbor new');
  t.match(await zsh('kato log dr\tadd x y --fo\tsys\t\n', RAN), 'RAN: log drain add x y --format syslog');
  t.match(await zsh('harbor create-service --plan=u\tharbor n\n', RAN), '--plan=udp harbor n');
  t.match(
    await zsh('kato config set harbor_node port_\t1\n', RAN),
    'RAN: config set harbor_node port_range 1',
  );
  t.match(await zsh('harbor service tw\t\n', RAN), 'RAN: service two words');
  t.match(await zsh('kato data import dep\t\n', RAN), 'RAN: data import deploy.yml');
  t.match(await zsh('kato process \t', /Exit 0 when it serves/), /ready/, 'with what they are for');
  const { code } = await runCommand('test', ['-e', at('ran')]);
  t.equal(code, 1);
});

t.test('completion in zsh - as a file of fpath', async (t) => {
  await runCommand('cp', ['harbor.zsh', '_harbor'], options);
  const setUp = 'fpath=($PWD $fpath); autoload -Uz compinit; compinit -u -d ./dump2';
  t.match(
    await typeInto('zsh -f -i', setUp, 'harbor cre\tharb\tnew\n', RAN),
    'RAN: create-service harbor new',
  );
});

t.test('completion in fish - commands, options, values, names', async (t) => {
  t.strictSame(await inFish('harbor cre'), ['create-service']);
  t.strictSame((await inFish('kato log drain ')).sort(), ['add', 'delete', 'list', 'status']);
  t.strictSame(await inFish('harbor run --ins'), ['--instances']);
  t.strictSame((await inFish('harbor create-service --plan ')).sort(), ['both', 'free', 'tcp', 'udp']);
  t.strictSame(await inFish('harbor create-service --plan=u'), ['--plan=udp']);
  t.strictSame(await inFish('harbor create-service -p udp h'), ['harbor']);
  t.strictSame(await inFish('harbor create-service harbor '), []);
  t.strictSame(await inFish('kato config set harbor_node port_'), ['port_range']);
  t.strictSame((await inFish('harbor service ')).sort(), [...NAMES].sort());
  t.strictSame(await inFish('kato data import dep'), ['deploy.yml']);
  t.strictSame(await inFish('kato restart harbor_n'), ['harbor_node']);
});
