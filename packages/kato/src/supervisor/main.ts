import { createLogger } from '@harbor/log';
import { realHome } from '@harbor/config';
import { systemClock, systemRandom } from '@harbor/machine';
import { keepRangeReserved, openPlace } from '@harbor/runtime';
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Drains } from '../drain/drains.js';
import { DrainsFile } from '../drain/drains-file.js';
import { Front } from '../cluster/front.js';
import { Tunnel } from '../cluster/tunnel.js';
import type { ProcessName } from '../processes/catalogue.js';
import { isHere } from '../processes/here.js';
import { serveControl } from './control.js';
import { spawnGuard } from './guard.js';
import { controlSocket, takeHomeLock } from './lock.js';
import { PidFile } from './pid-file.js';
import { rotateRedisLog } from './redis-log.js';
import { Supervisor } from './supervisor.js';

/** How long the guard that has started this process may take to connect, ms: it may have been killed before. */
const GUARD_PATIENCE = 30_000;

/**
 * The supervisor's process. Another one for the same home makes it end at once. If the one before it was
 * killed, it starts what that one had running. `foreground`: it ends with its guard.
 */
export async function superviseHome(env: NodeJS.ProcessEnv, foreground: boolean): Promise<void> {
  const place = openPlace(env);
  const home = realHome(place.home);
  const lock = await takeHomeLock(home, 'kato');
  if (!lock) return;
  const { log_level, log_size, log_count } = place.load({}).kato;
  const log = await createLogger({
    name: 'kato',
    dir: place.home.logs,
    level: log_level,
    size: log_size,
    count: log_count,
  });
  // Before anything is started, so that its first lines are sent, too.
  const file = new DrainsFile(place.home.var);
  const drains = new Drains({ logs: place.home.logs, file, clock: systemClock, random: systemRandom, log });
  drains.start();
  const pidFile = new PidFile(place.home.var, 'kato');
  const wantedFile = join(place.home.var, 'run', 'wanted.json');
  const socket = controlSocket(home, place.home.var);
  const before = readWanted(wantedFile).filter((name) => isHere(place.home, name));

  const front = new Front(place, log, () => systemClock.now());
  const tunnel = place.core && new Tunnel(place, place.core, log);

  let ending = false;
  const supervisor = new Supervisor({
    place,
    env,
    clock: systemClock,
    random: systemRandom,
    log,
    onWanted: (names) => {
      if (!ending) writeWanted(wantedFile, names);
    },
    beforeStart: async () => {
      keepRangeReserved(place.load({}), log);
      await tunnel?.open();
    },
  });
  const end = async (): Promise<void> => {
    await drains.close();
    // In this order: the guard takes a supervisor that is gone with its pid file for one that was killed.
    pidFile.remove();
    rmSync(wantedFile, { force: true });
    rmSync(socket, { force: true });
    log.info({ event: 'stopped' }, 'kato has stopped');
    process.exit(0);
  };
  const stopAll = (): void => {
    if (ending) return;
    ending = true;
    void supervisor.stop([], () => undefined).finally(end);
  };
  const onGuardGone = (): void => {
    if (ending) return;
    log.warn({ event: 'guard_gone' }, 'the guard has gone');
    if (foreground) stopAll();
    else spawnGuard(env);
  };
  const guardIsThere = systemClock.schedule(GUARD_PATIENCE, onGuardGone);
  await serveControl({
    supervisor,
    drains,
    front,
    socket,
    onGuard: guardIsThere,
    onGuardGone,
    onShutdown: () => {
      ending = true;
      void end();
    },
  });
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, stopAll);
  pidFile.write(process.pid);
  log.info({ event: 'started', home }, 'kato supervises');

  await front.resume();
  setInterval(() => rotateRedisLog(place.home.logs, log_size, log_count), 1_000);
  if (before.length > 0) {
    log.warn(
      { event: 'recovering', processes: before },
      'the supervisor before was killed: starting what it had running',
    );
    await supervisor
      .start(before, () => undefined)
      .catch((error: unknown) => log.error({ err: error }, 'not all could be started'));
  }
}

function readWanted(path: string): ProcessName[] {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as ProcessName[];
  } catch {
    return [];
  }
}

/** In one step: a supervisor that is killed while it writes leaves the one before. */
function writeWanted(path: string, names: readonly string[]): void {
  writeFileSync(`${path}.new`, JSON.stringify(names));
  renameSync(`${path}.new`, path);
}
