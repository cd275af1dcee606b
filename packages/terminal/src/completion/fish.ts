import { MOST_ARGUMENTS, grouped, type Plan, type Suggestions } from './suggestions.js';

/** The completion of a program for fish 3 and newer. */
export function fishCompletion(plan: Plan): string {
  const { program, commands, valued, places } = plan;
  const steps = commands.flatMap(({ path, commands: below }) =>
    below.map(
      ({ name }) =>
        `          case ${quoted(`${path} ${name}`)}\n            set where ${quoted(`${path} ${name}`.trim())}`,
    ),
  );
  const complete = (words: string): string => `complete -c ${program} ${words}`;
  const leads = commands.flatMap(({ path, commands: below }) =>
    below.map(({ name, description }) =>
      complete(`-n ${is(program, [`${path} 0`])} -a ${quoted(name)} -d ${quoted(description)}`),
    ),
  );
  const flags = commands.flatMap(({ path, options }) =>
    options.map(({ short, long, value, description }) => {
      const names = [...(short ? [`-s ${short.slice(1)}`] : []), ...(long ? [`-l ${long.slice(2)}`] : [])];
      const found = places.find(({ state }) => state === `${path} ${long ?? short ?? ''}`)?.suggestions;
      const wants = value === undefined ? [] : found?.files ? ['-r'] : ['-x'];
      if (found) wants.push(...values(program, found));
      const condition = quoted(`__${program}_in ${quoted(path)}`);
      return complete([`-n ${condition}`, ...names, ...wants, `-d ${quoted(description)}`].join(' '));
    }),
  );
  const args = grouped(places.filter(({ state }) => !/ --?\w[\w-]*$/.test(state) || / \d$/.test(state))).map(
    ({ states, suggestions }) =>
      complete(`-n ${is(program, states)} ${values(program, suggestions).join(' ')}`),
  );
  return `# fish completion of ${program}, made by: ${program} completion fish
# Prints what the words before the cursor lead to: a command and the number of its arguments, or an option.
function __${program}_state
  set -l where ''
  set -l wants ''
  set -l plain no
  set -l at 0
  set -l before (commandline -opc)
  for word in $before[2..]
    if test -n "$wants"
      set wants ''
    else if test $plain = no -a "x$word" = x--
      set plain yes
    else if test $plain = no; and string match -q -- '-*' $word
      contains -- "$where $word" ${valued.map(quoted).join(' ')}
      and set wants "$where $word"
    else
      switch "$where $word"
${steps.join('\n')}
          case '*'
            test $at -lt ${MOST_ARGUMENTS}; and set at (math $at + 1)
      end
    end
  end
  test -n "$wants"; and echo $wants; or echo "$where $at"
end
function __${program}_is
  contains -- (__${program}_state) $argv
end
function __${program}_in
  string match -q -r -- '^'(string escape --style=regex -- $argv[1])' [^ ]+$' (__${program}_state)
end
function __${program}_before
  set -l before (commandline -opc)
  echo $before[-1]
end
# The command as it was typed: it need not be on the PATH.
function __${program}_ask
  set -l before (commandline -opc)
  $before[1] $argv 2>/dev/null
end
complete -c ${program} -f
${[...leads, ...flags, ...args].join('\n')}
`;
}

function is(program: string, states: readonly string[]): string {
  return quoted(`__${program}_is ${states.map(quoted).join(' ')}`);
}

function values(program: string, { words, after, files, programs, ask }: Suggestions): string[] {
  const lists: string[] = [...(words ?? [])];
  for (const [before, all] of Object.entries(after ?? {}))
    lists.push(`(test (__${program}_before) = ${before}; and printf '%s\\n' ${all.join(' ')})`);
  if (ask !== undefined) lists.push(`(__${program}_ask ${ask})`);
  if (programs === true) lists.push('(__fish_complete_command)');
  return [...(files === true ? ['-F'] : []), ...(lists.length > 0 ? [`-a ${quoted(lists.join(' '))}`] : [])];
}

/** fish reads a backslash and the quote itself inside single quotes. */
function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
