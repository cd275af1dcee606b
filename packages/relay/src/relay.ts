import {
  backoffDelay,
  type Clock,
  type HarborError,
  type Random,
  type Route,
  type RouteKey,
  type Transport,
} from '@harbor/core';
import { bind, type Bound } from './bind.js';
import { fastestEnds } from './ends/bare.js';
import type { Ends } from './ends/end.js';
import { streamEnds } from './ends/streams.js';
import type { BackendFailure, Listener, ListenerStats, RelaySettings } from './listener.js';
import { Reservations } from './reservations.js';
import { TcpListener } from './tcp-listener.js';
import { UdpListener } from './udp-listener.js';

/** A listener that could not be opened. */
export interface ListenFailure {
  readonly key: RouteKey;
  readonly port: number;
  readonly transport: Transport;
  readonly service: string;
  readonly error: Error;
}

/** What the relay tells; none of these may throw. */
export interface RelayEvents {
  readonly listening: (key: RouteKey, service: string) => void;
  readonly conflict: (failure: ListenFailure) => void;
  /** A listener that was in conflict is open. */
  readonly resolved: (key: RouteKey, service: string) => void;
  readonly closed: (key: RouteKey) => void;
  readonly backendFailed: (failure: BackendFailure) => void;
  readonly failed: (error: HarborError) => void;
}

export interface RelayOptions {
  /** How TCP connections are made; the fastest there are where nothing is said. */
  readonly ends?: Ends;
  readonly settings: () => RelaySettings;
  readonly events: RelayEvents;
  readonly clock: Clock;
  readonly random: Random;
}

/** One wanted listener: open, or waiting for whoever holds its port. */
interface Slot {
  route: Route;
  listener?: Listener;
  attempt: number;
  cancelRetry?: () => void;
}

const RETRY = { first: 250, most: 15_000 };

/** The embedded data plane: every listener by itself, so that what befalls one never reaches another. */
export class Relay {
  readonly #slots = new Map<RouteKey, Slot>();
  /** Given up, with connections that may still finish. */
  readonly #draining = new Set<Listener>();
  /** One change of a key after the other. */
  readonly #turns = new Map<RouteKey, Promise<void>>();
  readonly #reservations: Reservations;
  readonly #ends: Ends;

  constructor(readonly options: RelayOptions) {
    this.#ends = options.ends ?? fastestEnds();
    this.#reservations = new Reservations({
      bind: (transport, port) => bind(transport, port, options.settings().bindHost),
      clock: options.clock,
    });
  }

  /** True where this Node lacks what the faster way needs. */
  get byStreams(): boolean {
    return this.#ends === streamEnds;
  }

  keys(): RouteKey[] {
    return [...this.#slots.keys()];
  }

  /** True where the listener is open, and nobody else holds its port. */
  listens(key: RouteKey): boolean {
    return this.#slots.get(key)?.listener !== undefined;
  }

  /** Binds and holds a port for a service to come; whoever connects meanwhile is reset. */
  reserve(port: number, transports: readonly Transport[], holdFor: number) {
    return this.#reservations.reserve(port, transports, holdFor);
  }

  /** Gives a reservation back; a port with a route is not touched. */
  release(port: number): Promise<void> {
    return this.#reservations.release(port);
  }

  /** Opens, updates or closes one listener. A port held by somebody else is told and tried again. */
  apply(key: RouteKey, route: Route | undefined): Promise<void> {
    const before = this.#turns.get(key) ?? Promise.resolve();
    const turn = before.then(() => this.#apply(key, route));
    this.#turns.set(key, turn);
    return turn.finally(() => {
      if (this.#turns.get(key) === turn) this.#turns.delete(key);
    });
  }

  /** Tries at once what waits for its port; of one service, or all. */
  retry(service?: string): void {
    for (const [key, slot] of this.#slots) {
      if (slot.listener || (service !== undefined && slot.route.service !== service)) continue;
      slot.cancelRetry?.();
      void this.apply(key, slot.route);
    }
  }

  stats(service?: string): (ListenerStats & { key: RouteKey; service: string; listening: boolean })[] {
    const nothing: ListenerStats = {
      connectionsOpen: 0,
      connectionsTotal: 0,
      bytesIn: 0,
      bytesOut: 0,
      refused: 0,
      backends: [],
    };
    return [...this.#slots]
      .filter(([, { route }]) => service === undefined || route.service === service)
      .map(([key, { route, listener }]) => ({
        key,
        service: route.service,
        listening: listener !== undefined,
        ...(listener?.stats() ?? nothing),
      }));
  }

  /** Closes every listener and ends every connection. */
  async close(): Promise<void> {
    await Promise.all(this.keys().map((key) => this.apply(key, undefined)));
    for (const listener of this.#draining) listener.reset();
    await this.#reservations.close();
  }

  async #apply(key: RouteKey, route: Route | undefined): Promise<void> {
    const slot = this.#slots.get(key);
    if (!route) this.#close(key, slot);
    else if (slot?.listener && slot.route.service === route.service) {
      slot.route = route;
      slot.listener.update(route);
    } else {
      if (slot?.listener) this.#close(key, slot);
      await this.#open(key, route);
    }
  }

  async #open(key: RouteKey, route: Route): Promise<void> {
    const known = this.#slots.get(key);
    known?.cancelRetry?.();
    const slot: Slot = known ?? { route, attempt: 0 };
    slot.route = route;
    this.#slots.set(key, slot);
    try {
      const bound = await this.#reservations.adopt(route.transport, route.port);
      slot.listener = this.#listen(bound);
      slot.listener.update(route);
      this.options.events.listening(key, route.service);
      if (slot.attempt > 0) this.options.events.resolved(key, route.service);
      slot.attempt = 0;
    } catch (thrown) {
      this.#failed(key, slot, thrown instanceof Error ? thrown : new Error(String(thrown)));
    }
  }

  #listen(bound: Bound): Listener {
    const { settings, clock, random, events } = this.options;
    const options = { settings, clock, random, backendFailed: events.backendFailed, failed: events.failed };
    return bound.transport === 'tcp'
      ? new TcpListener(bound.server, { ...options, ends: this.#ends })
      : new UdpListener(bound.socket, options);
  }

  #failed(key: RouteKey, slot: Slot, error: Error): void {
    const { clock, random, events } = this.options;
    const { port, transport, service } = slot.route;
    slot.cancelRetry = clock.schedule(backoffDelay(RETRY, slot.attempt++, random), () => {
      if (this.#slots.get(key) === slot) void this.apply(key, slot.route);
    });
    events.conflict({ key, port, transport, service, error });
  }

  #close(key: RouteKey, slot: Slot | undefined): void {
    if (!slot) return;
    slot.cancelRetry?.();
    this.#slots.delete(key);
    const { listener } = slot;
    if (listener) {
      this.#draining.add(listener);
      listener.close(() => this.#draining.delete(listener));
    }
    this.options.events.closed(key);
  }
}
