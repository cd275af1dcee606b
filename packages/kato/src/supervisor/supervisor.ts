import type { Settings } from '@harbor/config';
import { asHarborError, HarborError, type Clock, type Random } from '@harbor/core';
import type { Logger } from '@harbor/log';
import { openStore, overlayOfRecords, type Place } from '@harbor/runtime';
import { PROCESSES, resolveNames, stopOrder, type ProcessName } from '../processes/catalogue.js';
import { isHere, processesHere } from '../processes/here.js';
import type { ProcessState } from '../processes/lifecycle.js';
import { prepare } from '../processes/spec.js';
import { tailOf } from './log-end.js';
import { ManagedProcess } from './managed.js';
import { PidFile } from './pid-file.js';

/** What is told while processes are started and stopped. */
export interface Progress {
  readonly process: ProcessName;
  readonly state: ProcessState;
}

/** How one process stands, as `kato status --json` shows it. */
export interface ProcessStatus {
  readonly name: ProcessName;
  readonly state: ProcessState;
  readonly pid: number | null;
  readonly uptime_s: number | null;
  readonly restarts: number;
}

/** What stands behind that, for people. */
export interface SupervisorView {
  readonly pid: number;
  readonly processes: readonly ProcessStatus[];
  /** Why processes are not up, where that is known. */
  readonly reasons: Readonly<Partial<Record<ProcessName, string>>>;
}

export interface SupervisorOptions {
  readonly place: Place;
  readonly env: NodeJS.ProcessEnv;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Told which processes are to be up, whenever somebody asks for something else. */
  readonly onWanted: (names: readonly ProcessName[]) => void;
  /** Makes ready what every process needs, before any is started. */
  readonly beforeStart: () => Promise<void>;
}

/** Starts and stops the processes in the order in which they need each other. */
export class Supervisor {
  readonly #managed = new Map<ProcessName, ManagedProcess>();
  readonly #settings: Settings;
  readonly #wanted = new Set<ProcessName>();

  constructor(readonly options: SupervisorOptions) {
    this.#settings = options.place.load({});
    for (const { name } of PROCESSES) if (this.#isOurs(name)) this.#managed.set(name, this.#manage(name));
  }

  /**
   * Starts them and what they need; resolves when all serve.
   * Errors: HARBOR_ROLE_REMOVED, HARBOR_PROCESS_FATAL and final ones.
   */
  async start(names: readonly string[], progress: (progress: Progress) => void): Promise<void> {
    const here = processesHere(this.options.place.home, names);
    await this.options.beforeStart();
    const starting = new Map<ProcessName, Promise<void>>();
    const start = (name: ProcessName): Promise<void> => {
      const known = starting.get(name);
      if (known) return known;
      this.#wanted.add(name);
      const needs = PROCESSES.find((entry) => entry.name === name)?.needs ?? [];
      const work = Promise.all(needs.map(start)).then(() => this.#startOne(name, progress));
      starting.set(name, work);
      return work;
    };
    const all = here.map(start);
    this.options.onWanted([...this.#wanted]);
    const outcomes = await Promise.allSettled(all);
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failed) throw failed.reason;
  }

  /** Ends them, those that need others first. */
  async stop(names: readonly string[], progress: (progress: Progress) => void): Promise<void> {
    const all = resolveNames(names);
    for (const name of all) this.#wanted.delete(name);
    this.options.onWanted([...this.#wanted]);
    for (const group of stopOrder(all)) {
      await Promise.all(group.map((name) => this.#stopOne(name, progress)));
    }
  }

  status(): ProcessStatus[] {
    const now = this.options.clock.now();
    const { home } = this.options.place;
    const shown = [...this.#managed].filter(
      ([name, { life }]) => life.state !== 'STOPPED' || isHere(home, name),
    );
    return shown.map(([name, { life }]) => ({
      name,
      state: life.state,
      pid: life.pid ?? null,
      uptime_s: life.state === 'RUNNING' ? Math.floor((now - life.since) / 1_000) : null,
      restarts: life.restarts,
    }));
  }

  /** Why processes are not up, where that is known. */
  reasons(): SupervisorView['reasons'] {
    const known = [...this.#managed].flatMap(([name, { life }]) =>
      life.reason ? [[name, life.reason]] : [],
    );
    return Object.fromEntries(known) as SupervisorView['reasons'];
  }

  async #startOne(name: ProcessName, progress: (progress: Progress) => void): Promise<void> {
    const managed = this.#managed.get(name);
    if (!managed || managed.life.state === 'RUNNING') return;
    progress({ process: name, state: 'STARTING' });
    try {
      await managed.start();
      progress({ process: name, state: 'RUNNING' });
    } catch (thrown) {
      progress({ process: name, state: managed.life.state });
      const error = asHarborError(thrown);
      // What was found out before it was started is not in its log.
      const crashed = error.code === 'HARBOR_PROCESS_FATAL';
      const end = crashed ? [...tailOf(this.options.place.home.logs, name), ...managed.output] : [];
      throw new HarborError(error.code, error.message, {
        cause: thrown,
        details: { process: name, log: end.slice(-15) },
      });
    }
  }

  async #stopOne(name: ProcessName, progress: (progress: Progress) => void): Promise<void> {
    const managed = this.#managed.get(name);
    if (!managed || managed.life.state === 'STOPPED') return;
    progress({ process: name, state: 'STOPPING' });
    await managed.stop();
    progress({ process: name, state: 'STOPPED' });
  }

  /** A server whose url is set is somebody else's; an attached node has those of its core. */
  #isOurs(name: ProcessName): boolean {
    if (this.options.place.core && PROCESSES.some((it) => it.name === name && it.role === 'core'))
      return false;
    if (name === 'harbor_redis') return this.#settings.harbor_redis.url === null;
    if (name === 'nats_server') return this.#settings.nats_server.url === null;
    return true;
  }

  #manage(name: ProcessName): ManagedProcess {
    const { place, env, clock, random, log } = this.options;
    return new ManagedProcess({
      name,
      prepare: async () => prepare(name, place, await this.#currentSettings(name)),
      env: { ...env, HARBOR_HOME: place.home.dir },
      pidFile: new PidFile(place.home.var, name),
      readyTimeout: () => this.#settings.kato.ready_timeout * 1_000,
      stopTimeout: () => this.#settings.kato.stop_timeout * 1_000,
      clock,
      random,
      log,
    });
  }

  /** With what `kato config set` has stored, for whatever is started after Redis. */
  async #currentSettings(name: ProcessName): Promise<Settings> {
    const { place } = this.options;
    const redis = this.#managed.get('harbor_redis');
    if (name === 'harbor_redis' || (redis && redis.life.state !== 'RUNNING')) return place.load({});
    const store = openStore(place, this.#settings, () => undefined);
    try {
      return place.load(overlayOfRecords((await store.snapshot(['config'])).records));
    } catch (thrown) {
      const error = asHarborError(thrown);
      if (error.code !== 'HARBOR_REDIS_UNAVAILABLE') throw error;
      return place.load({});
    } finally {
      store.close();
    }
  }
}
