import { backoffDelay, transportsOf, type Clock, type Protocol, type Random } from '@harbor/core';
import { randomUUID } from 'node:crypto';
import { environmentOf, type BoundService } from '../app/environment.js';
import type { InstancePorts } from './instance-ports.js';
import { Instance } from './instance.js';
import { acceptsTcp, holdsUdp, whenReady } from './readiness.js';
import type { Registrar } from './registrar.js';

/** A service the application is given, and where this machine's instances of it are reached. */
export interface RunService extends BoundService {
  readonly protocol: Protocol;
  readonly host: string;
}

/** What happens to the instances, for who watches. */
export interface ApplicationEvent {
  readonly event:
    'starting' | 'waiting' | 'registered' | 'exited' | 'restarting' | 'stopping' | 'stopped' | 'output';
  readonly index: number;
  readonly message: string;
  readonly stream?: 'stdout' | 'stderr';
}

export interface ApplicationOptions {
  readonly app: string;
  readonly instances: number;
  readonly services: readonly RunService[];
  readonly command: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly registrar: Registrar;
  readonly ports: InstancePorts;
  /** How long an instance may take to end, ms. */
  readonly killTimeout: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly tell: (event: ApplicationEvent) => void;
}

/** The waits before a crashed instance is started again, ms. */
const RESTART = { first: 500, most: 30_000 };
/** A TCP port that does not answer after this long is spoken of, ms. */
const PATIENCE = 5_000;
/** A UDP port that is not seen to be bound is announced after this long, ms. */
const UDP_PATIENCE = 2_000;
/** An instance that ran for this long had started well: its next crash counts as the first, ms. */
const STABLE = 10_000;

interface Slot {
  readonly index: number;
  crashes: number;
  running?: { readonly id: string; readonly process: Instance; readonly since: number; endWatch: () => void };
  cancelRestart?: () => void;
}

/** Keeps N instances of a command running and announced. */
export class Application {
  readonly #slots: Slot[];
  #stopping = false;
  /** Resolves when the UDP port announced last has had its turn. */
  #lastUdp: Promise<void> = Promise.resolve();

  constructor(readonly options: ApplicationOptions) {
    this.#slots = Array.from({ length: options.instances }, (_, index) => ({ index, crashes: 0 }));
  }

  /** Starts all instances, in the order of their indexes. */
  async start(): Promise<void> {
    for (const slot of this.#slots) await this.#launch(slot);
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
        await running.process.stop(killTimeout);
      }),
    );
  }

  /** Ends all at once. */
  kill(): void {
    for (const { running } of this.#slots) running?.process.kill();
  }

  async #launch(slot: Slot): Promise<void> {
    const { app, services, command, registrar, ports, clock } = this.options;
    const { index } = slot;
    const id = randomUUID();
    const httpPort = await ports.take();
    const placed: (RunService & { readonly port: number })[] = [];
    for (const service of services)
      placed.push({ ...service, port: await ports.take(service.credentials.ports?.length) });
    if (this.#stopping) return;
    const bound = placed.map(({ port, ...service }) => ({
      ...service,
      credentials: { ...service.credentials, int_port: port },
    }));
    const facts = { id, index, port: httpPort, host: '0.0.0.0' };
    const env = { ...this.options.env, ...environmentOf(app, bound, facts) };
    const instance = new Instance(command, env, {
      onLine: (line, stream) => this.options.tell({ event: 'output', index, message: line, stream }),
      onExit: (how) => this.#exited(slot, id, how),
    });
    if (instance.pid === undefined) return;
    const searches: (() => void)[] = [];
    slot.running = {
      id,
      process: instance,
      since: clock.now(),
      endWatch: () => searches.forEach((end) => end()),
    };
    this.#tell('starting', index, `instance ${index} starts, pid ${instance.pid}`);
    registrar.running({ instance: id, index });
    for (const service of placed) searches.push(...this.#announce(slot, id, service));
  }

  /**
   * TCP counts when its port answers. UDP says nothing of itself: it counts when the port is bound, in the
   * order of the instances, or, where that cannot be seen, a little after the process is up.
   */
  #announce(slot: Slot, id: string, service: RunService & { readonly port: number }): (() => void)[] {
    const { host, port, protocol, name, credentials } = service;
    return transportsOf(protocol).map((transport) => {
      const register = (): void => {
        this.options.registrar.register({ instance: id, index: slot.index }, credentials.name, {
          host,
          port,
          transport,
        });
        const where = `${transport} ${host}:${port} behind ${name} (port ${credentials.port})`;
        this.#tell('registered', slot.index, `instance ${slot.index} serves ${where}`);
      };
      if (transport === 'tcp') return this.#whenListens(slot.index, { host, port, name }, register);
      return this.#inTurn({ port }, register);
    });
  }

  /** Calls `ready` when the TCP port answers, and says so where that takes long. */
  #whenListens(
    index: number,
    at: { host: string; port: number; name: string },
    ready: () => void,
  ): () => void {
    const { port, name } = at;
    const cancel = this.options.clock.schedule(PATIENCE, () => {
      const where = `STACKATO_HARBOR of ${name}, port ${port}`;
      this.#tell(
        'waiting',
        index,
        `instance ${index} does not listen on ${where}, yet; nobody is sent there`,
      );
    });
    const endSearch = whenReady(
      () => acceptsTcp(at),
      this.options,
      () => {
        cancel();
        ready();
      },
    );
    return () => {
      cancel();
      endSearch();
    };
  }

  /** Calls `ready` when the UDP port is bound and every earlier one is, or its instance has ended. */
  #inTurn(socket: { readonly port: number }, ready: () => void): () => void {
    const before = this.#lastUdp;
    let pass = (): void => undefined;
    this.#lastUdp = new Promise((resolve) => (pass = resolve));
    let ended = false;
    const endSearch = whenReady(
      () => holdsUdp(socket),
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

  #exited(slot: Slot, id: string, how: string): void {
    const { registrar, clock, random } = this.options;
    const { index, running } = slot;
    running?.endWatch();
    delete slot.running;
    registrar.exited(id, this.#stopping ? 'STOPPED' : 'CRASHED');
    this.#tell(this.#stopping ? 'stopped' : 'exited', index, `instance ${index} ${how}`);
    if (this.#stopping) return;
    if (running && clock.now() - running.since >= STABLE) slot.crashes = 0;
    const wait = backoffDelay(RESTART, slot.crashes++, random);
    this.#tell('restarting', index, `instance ${index} is started again in ${(wait / 1_000).toFixed(1)} s`);
    slot.cancelRestart = clock.schedule(wait, () => {
      this.#launch(slot).catch((thrown: unknown) => {
        this.#exited(slot, id, thrown instanceof Error ? thrown.message : String(thrown));
      });
    });
  }

  #tell(event: ApplicationEvent['event'], index: number, message: string): void {
    this.options.tell({ event, index, message });
  }
}
