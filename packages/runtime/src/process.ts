import type { Bus, InvalidMessage } from '@harbor/bus';
import { homeHash, realHome } from '@harbor/config';
import { asHarborError, HarborError, type Clock, type Random } from '@harbor/core';
import { createLogger, limitedReporter, type LimitedReporter, type Logger } from '@harbor/log';
import { systemClock, systemRandom, takeLock, untilSignal } from '@harbor/machine';
import type { Store } from '@harbor/store';
import { openBus, openPlace, openStore, type Place } from './connections.js';
import { failedMessage, tellSupervisor } from './readiness.js';
import { followSettings, LiveSettings } from './settings.js';

/** What every process of Harbor is given to work with. */
export interface ProcessContext {
  readonly place: Place;
  readonly settings: LiveSettings;
  readonly store: Store;
  readonly bus: Bus;
  readonly log: Logger;
  readonly reporter: LimitedReporter;
  readonly clock: Clock;
  readonly random: Random;
  /** Calls the listener when NATS has gone away, and when it is back. */
  onBus(listener: (connected: boolean) => void): void;
}

/** What a process is, for who asks it for help. */
export interface ProcessAbout {
  readonly name: string;
  /** One sentence. */
  readonly about: string;
}

/** What a process hands back when it serves. */
export interface RunningProcess {
  /** Ends it cleanly; the connections are closed afterwards. */
  stop(): Promise<void>;
}

/**
 * Runs a process from its start to its end: home, log, settings, Redis, NATS, then `start`; it is ready
 * when `start` resolves and ends on SIGTERM or SIGINT. What stops it from starting is told to the
 * supervisor and on stderr, and the exit code is 1.
 */
export async function runProcess(
  { name, about }: ProcessAbout,
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  start: (context: ProcessContext) => Promise<RunningProcess>,
): Promise<void> {
  if (argv.length > 0) {
    explainUsage({ name, about }, argv);
    return;
  }
  let log: Logger | undefined;
  try {
    const place = openPlace(env);
    const settings = new LiveSettings(place.load({}), place.load);
    const lock = await takeLock(`${name}-${homeHash(realHome(place.home))}`);
    if (!lock) throw new HarborError('HARBOR_ALREADY_RUNNING', `${name} already runs in ${place.home.dir}`);
    log = await openLog(name, place, settings);
    endOnCrash(log);
    const running = await boot(name, place, settings, log, start);
    await tellSupervisor({ type: 'ready' });
    log.info({ event: 'ready' }, `${name} is ready`);
    await untilSignal();
    log.info({ event: 'stopping' }, `${name} stops`);
    await running.stop();
    log.info({ event: 'stopped' }, `${name} has stopped`);
    process.exit(0);
  } catch (thrown) {
    await fail(name, asHarborError(thrown), log);
  }
}

/** A process takes no words: it is told everything by its settings. */
function explainUsage({ name, about }: ProcessAbout, argv: readonly string[]): void {
  const usage = `Usage: ${name}

${about} It runs in the foreground until SIGTERM or Ctrl-C, and takes its settings from the environment,
kato config and etc/harbor.yaml (docs/reference/configuration.md).

Examples:
  $ ${name}
  $ HARBOR_HOME=/var/lib/harbor ${name}
`;
  const help = argv.every((word) => word === '--help' || word === '-h');
  if (help) process.stdout.write(usage);
  else process.stderr.write(`${name}: it takes no ${argv.join(' ')}\n${usage}`);
  process.exitCode = help ? 0 : 2;
}

async function openLog(name: string, place: Place, settings: LiveSettings): Promise<Logger> {
  const { log_level, log_size, log_count } = settings.current.kato;
  return createLogger({ name, dir: place.home.logs, level: log_level, size: log_size, count: log_count });
}

async function boot(
  name: string,
  place: Place,
  settings: LiveSettings,
  log: Logger,
  start: (context: ProcessContext) => Promise<RunningProcess>,
): Promise<RunningProcess> {
  const clock = systemClock;
  const reporter = limitedReporter(clock, log);
  const store = openStore(place, settings.current, (error) => {
    reporter.report(`redis ${error.message}`, { event: 'redis_error', err: error });
  });
  const follower = await followSettings(store, settings, log, clock);
  const listeners: ((connected: boolean) => void)[] = [];
  const tell = (connected: boolean): void => {
    log.warn({ event: connected ? 'nats_back' : 'nats_away' }, connected ? 'NATS is back' : 'NATS is away');
    for (const listener of listeners) listener(connected);
  };
  const bus = await openBus(place, settings.current, {
    name,
    waitForServer: true,
    events: {
      onInvalid: (message) => reportInvalid(reporter, message),
      onError: (subject, error) => log.error({ event: 'handler_failed', subject, err: error }, error.message),
      onDisconnect: () => tell(false),
      onReconnect: () => tell(true),
    },
  });
  const running = await start({
    place,
    settings,
    store,
    bus,
    log,
    reporter,
    clock,
    random: systemRandom,
    onBus: (listener) => listeners.push(listener),
  });
  return {
    async stop() {
      await running.stop();
      await bus.close();
      follower.close();
      store.close();
    },
  };
}

/** Once per kind and minute, with its count (contract §5): a hostile sender fills no disk. */
function reportInvalid(reporter: LimitedReporter, { subject, reason, head }: InvalidMessage): void {
  const kind = `${subject} ${reason.replace(/[0-9]+|"[^"]*"/g, '…').slice(0, 200)}`;
  reporter.report(kind, { event: 'message_refused', subject, reason, head });
}

/** An error nobody caught: it is logged, and the supervisor starts the process anew. */
function endOnCrash(log: Logger): void {
  const crash = (thrown: unknown): void => {
    const error = asHarborError(thrown);
    log.fatal({ event: 'crashed', err: error }, error.message);
    process.stderr.write(`${error.stack ?? error.message}\n`);
    process.exit(1);
  };
  process.on('uncaughtException', crash);
  process.on('unhandledRejection', crash);
}

async function fail(name: string, error: HarborError, log: Logger | undefined): Promise<void> {
  log?.fatal({ event: 'failed', err: error }, error.message);
  process.stderr.write(`${name}: ${error.message} (${error.code})\n${error.entry.remedy}\n`);
  await tellSupervisor(failedMessage(error));
  process.exit(1);
}
