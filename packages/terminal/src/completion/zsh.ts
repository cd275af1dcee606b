import { shellQuoted } from '@harbor/core';
import { walk } from './posix.js';
import { grouped, type Plan, type Suggestions } from './suggestions.js';

/** The completion of a program for zsh: a file of its `fpath`, or to be evaluated after `compinit`. */
export function zshCompletion(plan: Plan): string {
  const { program, commands, places } = plan;
  const optionCases = commands.map(({ path, options }) => {
    const described = options.flatMap(({ short, long, description }) =>
      [long, short].flatMap((flag) => (flag === undefined ? [] : [entry(flag, description)])),
    );
    return `    ${shellQuoted(path)}) list=(${described.join(' ')}) ;;`;
  });
  const leads = commands
    .filter(({ commands: below }) => below.length > 0)
    .map(({ path, commands: below }) => {
      const described = below.map(({ name, description }) => entry(name, description));
      return `  ${shellQuoted(`${path} 0`)})\n    list=(${described.join(' ')})\n    _describe -t commands command list\n    ;;`;
    });
  const values = grouped(places).map(
    ({ states, suggestions }) =>
      `  ${states.map(shellQuoted).join(' | ')})\n${suggested(suggestions)}\n    ;;`,
  );
  // zsh has variables called path, options and status of its own; none of these names may be used.
  return `#compdef ${program}
# zsh completion of ${program}, made by: ${program} completion zsh
_${program}() {
  local cur=\${words[CURRENT]} word where='' wants='' plain=no state=''
  local -i at=0 i
  local -a list
${walk(plan, '2', 'CURRENT', '${(Q)words[i]}')}
  if [[ -z $wants && $plain == no && $cur == --*=* ]]; then
    state="$where \${cur%%=*}"
    compset -P '*='
  elif [[ -z $wants && $plain == no && $cur == -* ]]; then
    case $where in
${optionCases.join('\n')}
    esac
    _describe -o option list
    return
  fi
  case $state in
${[...leads, ...values].join('\n')}
  esac
}
# Loaded from fpath, this file is the function's first call.
if [[ \${funcstack[1]} == _${program} ]]; then _${program} "$@"; else compdef _${program} ${program}; fi
`;
}

function entry(name: string, description: string): string {
  return shellQuoted(`${name.replaceAll(':', '\\:')}:${description}`);
}

function suggested({ words: fixed, after, files, programs, ask }: Suggestions): string {
  const lines: string[] = [];
  if (fixed) lines.push(`compadd -- ${fixed.map(shellQuoted).join(' ')}`);
  if (after) {
    const cases = Object.entries(after).map(
      ([before, all]) => `      ${shellQuoted(before)}) compadd -- ${all.map(shellQuoted).join(' ')} ;;`,
    );
    lines.push(`case \${words[CURRENT - 1]} in\n${cases.join('\n')}\n    esac`);
  }
  if (ask !== undefined)
    lines.push(`list=("\${(@f)$("\${(Q)words[1]}" ${ask} 2>/dev/null)}")`, `compadd -- "\${(@)list:#}"`);
  if (programs === true) lines.push('_command_names -e');
  if (files === true) lines.push('_files');
  return lines.map((line) => `    ${line}`).join('\n');
}
