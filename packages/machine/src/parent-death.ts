import { spawnSync } from 'node:child_process';

let supported: boolean | undefined;

/**
 * A command that ends when its parent does, however that ends (PR_SET_PDEATHSIG by util-linux' setpriv,
 * prctl(2)): nobody is left behind by a supervisor that was killed. Without setpriv it is as it was.
 */
export function underParent(command: readonly string[]): string[] {
  supported ??= spawnSync('setpriv', ['--pdeathsig', 'TERM', 'true']).status === 0;
  return supported ? ['setpriv', '--pdeathsig', 'TERM', ...command] : [...command];
}
