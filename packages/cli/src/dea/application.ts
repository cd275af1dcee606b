import { shellWord, Restarts, transportsOf, type Clock, type Random, type Transport } from '@harbor/core';
import { randomUUID } from 'node:crypto';
import { environmentOf } from '../app/environment.js';
import {
  ending,
  neededProxies,
  placed,
  type Address,
  type Berth,
  type BerthedService,
  type Berths,
} from './berth.js';
import type { ApplicationEvent } from './event.js';
import { httpsBeside, type RunningProxy } from './https.js';
import { Instance } from './instance.js';
import { acceptsTcp, whenReady } from './readiness.js';
import type { Registrar } from './registrar.js';
import type { RunService } from './run-service.js';

export interface ApplicationOptions {
  readonly app: string;
  readonly instances: number;
  readonly services: readonly RunService[];
  /** Asked before an instance is started again; with an error it gets what it had. */
  readonly refresh: () => Promise<readonly RunService[]>;
  /** Whether Harbor sends clients of a service, told by its id, to an address by now. */
  readonly isRouted: (service: string, at: Address & { readonly transport: Transport }) => Promise<boolean>;
  readonly command: readonly string[];
  /** Where the instances start, absolute: the application's root. */
  readonly folder: string;
  /** They get a port for HTTP. */
  readonly http: boolean;
  /** MB; said to the instances. */
  readonly memory?: number;
  readonly env: NodeJS.ProcessEnv;
  readonly registrar: Registrar;
  readonly berths: Berths;
  /** How long an instance may take to end, ms. */
  readonly killTimeout: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly tell: (event: ApplicationEvent) => void;
}

/** A UDP port that is not seen to be bound is announced after this long, ms. */
const UDP_PATIENCE = 2_000;

interface Running {
  readonly id: string;
  readonly process: Instance;
  readonly berth: Berth;
  readonly since: number;
  readonly proxies: readonly RunningProxy[];
  endWatch: () => void;
}

interface Slot {
  readonly index: number;
  readonly restarts: Restarts;
  running?: Running;
  cancelRestart?: () => void;
}

/** Keeps N instances of a command running and announced. */
export class Application {
  readonly #slots: Slot[];
  #services: readonly RunService[];
  #stopping = false;
  /** Instances that are being started again, or have not yet given back what they had. */
  readonly #unfinished = new Set<Promise<void>>();
  /** Resolves when the UDP port announced last has had its turn. */
  #lastUdp: Promise<void> = Promise.resolve();

  constructor(readonly options: ApplicationOptions) {
    this.#services = options.services;
    this.#slots = Array.from({ length: options.instances }, (_, index) => ({
      index,
      restarts: new Restarts(options.random),
    }));
  }

  /** Starts all instances, in the order of their indexes; `stop` may come before it is done. */
  async start(): Promise<void> {
    const started = this.#startAll();
    this.#awaited(started.catch(() => undefined));
    await started;
  }

  async #startAll(): Promise<void> {
    for (const slot of this.#slots) {
      if (this.#stopping) return;
      await this.#launch(slot);
    }
  }

  /** Ends all; clients are led elsewhere before any of them is told to end. */
  async stop(): Promise<void> {
    this.#stopping = true;
    const { registrar, killTimeout } = this.options;
    for (const { running, cancelRestart } of this.#slots) {
      cancelRestart?.();
      running?.endWatch();
      if (running) registrar.unregister(running.id);
    }
    await Promise.all(
      this.#slots.map(async ({ index, running }) => {
        if (!running) return;
        const patience = `in up to ${killTimeout / 1_000} s; Ctrl-C again ends it at once`;
        this.#tell('stopping', index, `instance ${index} stops (${patience})`);
        // Requests that came by a proxy need the application to their end.
        await Promise.all(running.proxies.map((proxy) => proxy.stop()));
        await running.process.stop(killTimeout);
      }),
    );
    await Promise.all(this.#unfinished);
    await this.options.berths.close();
  }

  /** Ends all at once. */
  kill(): void {
    for (const { running } of this.#slots) {
      for (const proxy of running?.proxies ?? []) proxy.kill();
      running?.process.kill();
    }
  }

  async #launch(slot: Slot): Promise<void> {
    const { app, command, registrar, berths, clock, http, folder, memory } = this.options;
    const { index } = slot;
    const id = randomUUID();
    const berth = await berths.take(this.#services, http);
    if (this.#stopping) return berth.leave();
    const bound = berth.services.map((service) => ({
      ...service,
      credentials: { ...service.credentials, int_port: service.listens },
    }));
    const facts = { id, index, port: berth.httpPort, host: '0.0.0.0', memory };
    const env = { ...this.options.env, ...environmentOf(app, bound, facts) };
    const instance = new Instance(
      placed(berth, command),
      { env, cwd: folder },
      {
        onLine: (line, stream) => this.options.tell({ event: 'output', index, message: line, stream }),
        onExit: (how) => this.#exited(slot, { id, berth }, how),
      },
    );
    const { pid } = instance;
    if (pid === undefined) return;
    const searches: (() => void)[] = [];
    const proxies: RunningProxy[] = [];
    const endWatch = (): void => searches.forEach((end) => end());
    slot.running = { id, process: instance, berth, proxies, since: clock.now(), endWatch };
    this.#tell('starting', index, `instance ${index} starts, pid ${pid}`, { pid });
    registrar.running({ instance: id, index });
    for (const service of berth.services) this.#announce(slot, { id, pid, berth }, service, searches);
    const onLine = (line: string, stream: 'stdout' | 'stderr'): void =>
      this.options.tell({ event: 'output', index, message: line, stream });
    for (const needed of neededProxies(berth, folder))
      proxies.push(httpsBeside({ ...this.options, needed, berth, root: folder, onLine }));
  }

  /**
   * TCP counts when its port answers. UDP says nothing of itself: it counts when the port is bound, in the
   * order of the instances, or, where that cannot be seen, a little after the process is up.
   */
  #announce(
    slot: Slot,
    { id, pid, berth }: { id: string; pid: number; berth: Berth },
    service: BerthedService,
    searches: (() => void)[],
  ): void {
    const { announced, listens, protocol, credentials } = service;
    const { index } = slot;
    for (const transport of transportsOf(protocol)) {
      const register = (): void => {
        const at = { ...announced, transport };
        this.options.registrar.register({ instance: id, index }, credentials.name, at);
        searches.push(this.#sayWhenRouted(index, service, transport));
      };
      const isBound = (): boolean => berth.holdsUdp(listens, pid);
      searches.push(
        transport === 'tcp' ? this.#whenListens(index, service, register) : this.#inTurn(isBound, register),
      );
    }
  }

  /** Calls `ready` when the TCP port answers, and says so where that takes long. */
  #whenListens(index: number, { seen, listens, name }: BerthedService, ready: () => void): () => void {
    const late = (): void => {
      const address = `${seen.host}:${listens}`;
      const what = `instance ${index} does not listen on STACKATO_HARBOR of ${name}, port ${listens}, yet`;
      const todo = `nobody is sent there until it does; it has to be reached at ${address}`;
      this.#tell('waiting', index, `${what}; ${todo}`, { service: name, address });
    };
    return whenReady(() => acceptsTcp(seen), { ...this.options, late }, ready);
  }

  /** Says that the instance serves when Harbor sends clients to what was announced. */
  #sayWhenRouted(index: number, { announced, name, credentials }: BerthedService, transport: Transport) {
    const { host, port } = announced;
    const address = `${host}:${port}`;
    const late = (): void => {
      const what = `instance ${index} has announced ${transport} ${address}, and Harbor sends nobody there yet`;
      this.#tell('waiting', index, `${what}; see: harbor explain ${shellWord(name)}`, {
        service: name,
        address,
      });
    };
    return whenReady(
      () => this.options.isRouted(credentials.name, { transport, host, port }),
      { ...this.options, late },
      () => {
        const where = `${transport} ${address} behind ${name} (port ${credentials.port})`;
        this.#tell('registered', index, `instance ${index} serves ${where}`, { service: name, address });
      },
    );
  }

  /** Calls `ready` when the UDP port is bound and every earlier one is, or its instance has ended. */
  #inTurn(isBound: () => boolean, ready: () => void): () => void {
    const before = this.#lastUdp;
    let pass = (): void => undefined;
    this.#lastUdp = new Promise((resolve) => (pass = resolve));
    let ended = false;
    const endSearch = whenReady(
      () => Promise.resolve(isBound()),
      { ...this.options, atMost: UDP_PATIENCE },
      () => {
        void before.then(() => {
          if (!ended) ready();
          pass();
        });
      },
    );
    return () => {
      ended = true;
      endSearch();
      pass();
    };
  }

  #exited(slot: Slot, { id, berth }: { id: string; berth: Berth }, how: string): void {
    const { registrar, clock } = this.options;
    const { index, running } = slot;
    running?.endWatch();
    for (const proxy of running?.proxies ?? []) this.#awaited(proxy.stop());
    delete slot.running;
    registrar.exited(id, this.#stopping ? 'STOPPED' : 'CRASHED');
    this.#tell(this.#stopping ? 'stopped' : 'exited', index, `instance ${index} ${ending(berth, how)}`);
    const left = berth.leave().catch((thrown: unknown) => {
      this.#tell('exited', index, `what instance ${index} had is not given back: ${textOf(thrown)}`);
    });
    this.#awaited(left);
    if (this.#stopping) return;
    this.#restart(slot, running ? clock.now() - running.since : 0);
  }

  #restart(slot: Slot, ranFor: number): void {
    const { clock, refresh } = this.options;
    const { index } = slot;
    const wait = slot.restarts.wait(ranFor);
    this.#tell('restarting', index, `instance ${index} is started again in ${(wait / 1_000).toFixed(1)} s`);
    slot.cancelRestart = clock.schedule(wait, () => {
      const start = refresh()
        // Harbor may be away: what is known serves on.
        .catch(() => this.#services)
        .then((services) => {
          this.#services = services;
          return this.#stopping ? undefined : this.#launch(slot);
        })
        .catch((thrown: unknown) => {
          this.#tell('exited', index, `instance ${index} cannot be started: ${textOf(thrown)}`);
          if (!this.#stopping) this.#restart(slot, 0);
        });
      this.#awaited(start);
    });
  }

  /** `stop` waits for it. */
  #awaited(work: Promise<void>): void {
    this.#unfinished.add(work);
    void work.then(() => this.#unfinished.delete(work));
  }

  #tell(
    event: ApplicationEvent['event'],
    index: number,
    message: string,
    more: Pick<ApplicationEvent, 'pid' | 'service' | 'address'> = {},
  ): void {
    this.options.tell({ event, index, message, ...more });
  }
}

function textOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
