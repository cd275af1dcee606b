import { realHome } from '@harbor/config';
import { openPlace } from '@harbor/runtime';
import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NobodyThere, SupervisorClient } from './client.js';
import { controlSocket } from './lock.js';
import { PidFile } from './pid-file.js';

const KATO = join(fileURLToPath(new URL('.', import.meta.url)), '../../../../../bin/kato');
/** How often a supervisor that is coming up is looked for, ms. */
const LOOK_EVERY = 30;
/** How long a supervisor may take to come up, ms. */
const PATIENCE = 20_000;

/** Starts a guard that outlives this process. */
export function spawnGuard(env: NodeJS.ProcessEnv): void {
  spawn(process.execPath, [KATO, 'guard'], { env, detached: true, stdio: 'ignore' }).unref();
}

/**
 * Keeps a home's supervisor alive: starts it where there is none, starts it again when it was killed, and
 * ends when it ended on purpose (it takes its pid file with it). `guarding` is told when the supervisor, too,
 * will notice the end of this process.
 */
export async function guardHome(
  env: NodeJS.ProcessEnv,
  foreground: boolean,
  guarding?: () => void,
): Promise<void> {
  const place = openPlace(env);
  const client = new SupervisorClient(controlSocket(realHome(place.home), place.home.var));
  const pidFile = new PidFile(place.home.var, 'kato');
  for (;;) {
    await joinSupervisor(client, env, foreground);
    await client.untilGone(guarding).catch(() => undefined);
    // It goes only with its pid file when it was killed; give it a moment to be gone for good.
    if (!pidFile.exists) return;
  }
}

/** Waits for a supervisor that answers, starting one where none does. */
async function joinSupervisor(
  client: SupervisorClient,
  env: NodeJS.ProcessEnv,
  foreground: boolean,
): Promise<void> {
  const end = Date.now() + PATIENCE;
  let child: ChildProcess | undefined;
  for (;;) {
    try {
      await client.status();
      return;
    } catch (error) {
      if (!(error instanceof NobodyThere)) throw error;
      if (Date.now() > end) throw error;
      if (!child || hasEnded(child)) child = spawnSupervisor(env, foreground);
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY));
    }
  }
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}

/** In a session of its own: Ctrl-C in a terminal is for the guard, which passes on what is meant. */
function spawnSupervisor(env: NodeJS.ProcessEnv, foreground: boolean): ChildProcess {
  const args = [KATO, 'supervise', ...(foreground ? ['--foreground'] : [])];
  return spawn(process.execPath, args, { env, detached: true, stdio: ['ignore', 'ignore', 'inherit'] });
}
