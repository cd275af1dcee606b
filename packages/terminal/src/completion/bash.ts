import { shellQuoted } from '@harbor/core';
import { walk } from './posix.js';
import { grouped, type Plan, type Suggestions } from './suggestions.js';

/** The completion of a program for bash 4 and newer; it needs no other package. */
export function bashCompletion(plan: Plan): string {
  const { program, commands, places } = plan;
  const optionCases = commands.map(
    ({ path, options }) =>
      `    ${shellQuoted(path)}) ${words(options.flatMap(({ short, long }) => [long ?? short ?? '']))} ;;`,
  );
  const leads = commands
    .filter(({ commands: below }) => below.length > 0)
    .map(
      ({ path, commands: below }) =>
        `  ${shellQuoted(`${path} 0`)}) ${words(below.map(({ name }) => name))} ;;`,
    );
  const values = grouped(places).map(
    ({ states, suggestions }) =>
      `  ${states.map(shellQuoted).join(' | ')})\n${suggested(suggestions)}\n    ;;`,
  );
  return `# bash completion of ${program}, made by: ${program} completion bash
_${program}() {
  local cur=\${COMP_WORDS[COMP_CWORD]} word where='' wants='' plain=no state='' at=0 i
  COMPREPLY=()
${walk(plan, '1', 'COMP_CWORD', '${COMP_WORDS[i]}')}
  # bash takes --option=value for three words.
  if [[ $cur == '=' ]]; then cur=''; fi
  if [[ -z $wants && $plain == no && $cur == -* ]]; then
    case $where in
${optionCases.join('\n')}
    esac
    return
  fi
  case $state in
${[...leads, ...values].join('\n')}
  esac
}
complete -F _${program} ${program}
`;
}

function words(all: readonly string[]): string {
  return `COMPREPLY=($(compgen -W ${shellQuoted(all.join(' '))} -- "$cur"))`;
}

function suggested({ words: fixed, after, files, programs, ask }: Suggestions): string {
  const lines: string[] = [];
  if (fixed) lines.push(words(fixed));
  if (after) {
    const cases = Object.entries(after).map(
      ([before, all]) => `      ${shellQuoted(before)}) ${words(all)} ;;`,
    );
    lines.push(`case \${COMP_WORDS[COMP_CWORD - 1]} in\n${cases.join('\n')}\n    esac`);
  }
  // A name may hold anything: it is compared and quoted here, and never given to compgen -W, which expands it.
  if (ask !== undefined)
    lines.push(`while IFS= read -r word; do
      if [[ -n $word && $word == "$cur"* ]]; then COMPREPLY+=("$(printf %q "$word")"); fi
    done < <("$1" ${ask} 2>/dev/null)`);
  if (programs === true) lines.push('mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -c -- "$cur")');
  if (files === true)
    lines.push(
      'compopt -o filenames 2>/dev/null',
      'mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$cur")',
    );
  return lines.map((line) => `    ${line}`).join('\n');
}
