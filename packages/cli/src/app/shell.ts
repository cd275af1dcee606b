import { shellQuoted } from '@harbor/core';
import { hasProgram } from '@harbor/machine';

/**
 * Runs the hooks one after the other, each in a shell of its own, then the command in place of this one.
 * A hook may leave something in the background; one that fails keeps the command from being started.
 */
const WITH_HOOKS = `
command=$1; shift
for hook do
  ( eval "$hook" ) || { code=$?; echo "the hook failed with exit code $code: $hook" >&2; exit $code; }
done
exec "$0" -c "$command"
`;

/** A manifest's command as a program with its arguments: for bash where there is one, else for sh. */
export function shellCommand(
  command: string,
  hooks: readonly string[],
  path: string | undefined,
): readonly string[] {
  const shell = hasProgram('bash', path) ? 'bash' : 'sh';
  return hooks.length === 0
    ? [shell, '-c', command]
    : [shell, '-c', WITH_HOOKS.trim(), shell, command, ...hooks];
}

/** A command of the command line, run after the hooks. */
export function afterHooks(
  command: readonly string[],
  hooks: readonly string[],
  path: string | undefined,
): readonly string[] {
  if (hooks.length === 0) return command;
  return shellCommand(command.map(shellQuoted).join(' '), hooks, path);
}
