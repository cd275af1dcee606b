import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, realpathSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The directories of one Harbor (contract §1). Two homes on one machine never touch each other. */
export interface Home {
  readonly dir: string;
  readonly etc: string;
  readonly logs: string;
  /** Redis data, sockets, pid files, secrets. */
  readonly var: string;
  /** Overrides: `etc/harbor.yaml`. */
  readonly configFile: string;
}

/** The checkout this file was built in: packages/config/dist/src → four levels up. */
const CHECKOUT = resolve(dirname(fileURLToPath(import.meta.url)), '../../../..');

/** The home the environment names; the checkout where it names none. */
export function openHome(env: NodeJS.ProcessEnv): Home {
  const dir = resolve(env.HARBOR_HOME ?? CHECKOUT);
  const etc = join(dir, 'etc');
  return {
    dir,
    etc,
    logs: resolve(env.HARBOR_LOG_DIR ?? join(dir, 'logs')),
    var: join(dir, 'var'),
    configFile: join(etc, 'harbor.yaml'),
  };
}

/** Makes the directories that are missing; `var` is for its owner only. */
export function ensureHome(home: Home): void {
  for (const directory of [home.etc, home.logs, home.var]) makeDirectory(directory);
  chmodSync(home.var, 0o700);
}

/** What mkdir's `recursive` does; that one never ends where nothing can be made, below /proc say (Node.js 20). */
function makeDirectory(directory: string): void {
  if (existsSync(directory)) return;
  if (dirname(directory) !== directory) makeDirectory(dirname(directory));
  try {
    mkdirSync(directory);
  } catch (thrown) {
    // Somebody else was quicker.
    if ((thrown as NodeJS.ErrnoException).code !== 'EEXIST') throw thrown;
  }
}

/** Names a home (by `realHome`) in places where its path is too long. */
export function homeHash(directory: string): string {
  return createHash('sha256').update(directory).digest('hex').slice(0, 16);
}

/** The home's name that no symbolic link changes. */
export function realHome(home: Home): string {
  return realpathSync(home.dir);
}
