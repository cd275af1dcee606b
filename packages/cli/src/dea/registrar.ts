import type { Bus } from '@harbor/bus';
import type { Clock, Transport } from '@harbor/core';
import { DEA_SUBJECTS, startMessage, type RegisterMessage, type StartMessage } from '@harbor/wire';

/** What a DEA says by itself, standard for DEAs, ms. */
const HEARTBEAT = 10_000;

export interface RegistrarOptions {
  readonly bus: Pick<Bus, 'publish' | 'subscribe'>;
  readonly dea: string;
  readonly app: string;
  readonly clock: Clock;
  /** Until a node says otherwise, s. */
  readonly interval: number;
}

/** An instance that runs, and where each of its services is reached. */
export interface Announced {
  readonly instance: string;
  readonly index: number;
}

/** Speaks the DEA's part of contract §5 for the instances of one application. */
export class Registrar {
  readonly #running = new Map<string, Announced>();
  readonly #registered = new Map<string, RegisterMessage[]>();
  #interval: number;
  #cancel: (() => void)[] = [];

  constructor(readonly options: RegistrarOptions) {
    this.#interval = options.interval * 1_000;
  }

  /** Registers at every greeting, each interval, and sends heartbeats, until `shutdown`. */
  start(): void {
    this.options.bus.subscribe(DEA_SUBJECTS.start, startMessage, (message) => this.heard(message));
    this.#repeat(
      () => this.#interval,
      () => this.registerAll(),
    );
    this.#repeat(
      () => HEARTBEAT,
      () => this.#heartbeat(),
    );
  }

  /** A node says how often it wants to hear from us, and that it has to hear everything anew. */
  heard({ minimumRegisterIntervalInSeconds }: StartMessage): void {
    this.#interval = Math.max(1, minimumRegisterIntervalInSeconds) * 1_000;
    this.registerAll();
  }

  /** From now on the heartbeats say that it runs. */
  running(instance: Announced): void {
    this.#running.set(instance.instance, instance);
  }

  register(
    { instance, index }: Announced,
    service: string,
    at: { readonly host: string; readonly port: number; readonly transport: Transport },
  ): void {
    const { dea, app } = this.options;
    const { host, port, transport } = at;
    const message = { dea, app, app_name: app, instance, index, service, host, port, protocol: transport };
    this.#registered.set(instance, [...(this.#registered.get(instance) ?? []), message]);
    this.options.bus.publish(DEA_SUBJECTS.register, message);
  }

  registerAll(): void {
    for (const messages of this.#registered.values())
      for (const message of messages) this.options.bus.publish(DEA_SUBJECTS.register, message);
  }

  /** Takes an instance's backends away; to be called before it is stopped. */
  unregister(instance: string): void {
    for (const message of this.#registered.get(instance) ?? [])
      this.options.bus.publish(DEA_SUBJECTS.unregister, message);
    this.#registered.delete(instance);
  }

  /** It has ended. */
  exited(instance: string, reason: 'CRASHED' | 'STOPPED'): void {
    this.unregister(instance);
    const index = this.#running.get(instance)?.index ?? 0;
    this.#running.delete(instance);
    const { app, bus } = this.options;
    bus.publish(DEA_SUBJECTS.exited, { droplet: app, version: '1', instance, index, reason });
  }

  /** The DEA ends, and with it all it ran. */
  shutdown(): void {
    for (const cancel of this.#cancel.splice(0)) cancel();
    for (const instance of [...this.#registered.keys()]) this.unregister(instance);
    this.options.bus.publish(DEA_SUBJECTS.shutdown, { id: this.options.dea, version: '1' });
  }

  #heartbeat(): void {
    const { bus, dea, app } = this.options;
    const droplets = [...this.#running.values()].map(({ instance, index }) => ({
      droplet: app,
      version: '1',
      instance,
      index,
      state: 'RUNNING',
    }));
    bus.publish(DEA_SUBJECTS.heartbeat, { dea, droplets });
  }

  #repeat(delay: () => number, task: () => void): void {
    const at = this.#cancel.push(() => undefined) - 1;
    const next = (): void => {
      this.#cancel[at] = this.options.clock.schedule(delay(), () => {
        task();
        next();
      });
    };
    next();
  }
}
