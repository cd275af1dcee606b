import { shellQuoted } from '@harbor/core';
import { MOST_ARGUMENTS, type Plan } from './suggestions.js';

/**
 * The walk over the words before the cursor, as bash and zsh both read it. It leaves the command in `where`, the
 * option that wants a value in `wants`, the number of arguments in `at`, and in `plain` whether `--` was there.
 */
export function walk(
  { commands, valued }: Plan,
  firstWord: string,
  beforeCursor: string,
  wordAt: string,
): string {
  const steps = commands.flatMap(({ path, commands: below }) =>
    below.map(
      ({ name }) =>
        `      ${shellQuoted(`${path} ${name}`)}) where=${shellQuoted(`${path} ${name}`.trim())} ;;`,
    ),
  );
  return `  for ((i = ${firstWord}; i < ${beforeCursor}; i++)); do
    word=${wordAt}
    if [[ $word == '=' ]]; then continue
    elif [[ -n $wants ]]; then wants=''
    elif [[ $plain == no && $word == -- ]]; then plain=yes
    elif [[ $plain == no && $word == -* ]]; then
      case "$where $word" in
      ${valued.map(shellQuoted).join(' | ')}) wants="$where $word" ;;
      esac
    else
      case "$where $word" in
${steps.join('\n')}
      *) if ((at < ${MOST_ARGUMENTS})); then ((at += 1)); fi ;;
      esac
    fi
  done
  if [[ -n $wants ]]; then state=$wants; else state="$where $at"; fi`;
}
