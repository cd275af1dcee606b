import {
  backendId,
  diffBackends,
  formatAddress,
  HarborError,
  Ring,
  type Backend,
  type Clock,
  type Random,
  type Route,
  type RoutePolicy,
} from '@harbor/core';
import { Access } from '@harbor/wire';
import type { Server } from 'node:net';
import { plainAddress } from './plain-address.js';
import { TcpConnection, type ConnectionHost } from './connection.js';
import type { End, Ends } from './ends/end.js';
import { Health, isLocal } from './health.js';
import type { Listener, ListenerOptions, ListenerStats } from './listener.js';

/** A TCP port: takes clients and finds each a backend, round-robin. */
export class TcpListener implements Listener, ConnectionHost {
  readonly #ring = new Ring();
  readonly #health: Health;
  readonly #connections = new Set<TcpConnection>();
  /** Backends whose connections may finish, and what ends those that do not in time. */
  readonly #draining = new Map<string, () => void>();
  #done: (() => void) | undefined;
  #cancelSweep: (() => void) | undefined;
  #access = new Access({});
  #policy: RoutePolicy = {};
  #total = 0;
  #refused = 0;
  #bytesIn = 0;
  #bytesOut = 0;

  constructor(
    readonly server: Server,
    readonly options: ListenerOptions & {
      readonly ends: Ends;
      readonly clock: Clock;
      readonly random: Random;
    },
  ) {
    this.#health = new Health(options.clock, options.random);
    // Out of file descriptors, say: the next client may find one.
    const failed = (cause: Error): void =>
      options.failed(new HarborError('HARBOR_INTERNAL', `accepting failed: ${cause.message}`, { cause }));
    options.ends.accept(server, (client) => this.#accept(client), failed);
  }

  update(route: Route): void {
    const rulesChanged = route.policy.allow !== this.#policy.allow || route.policy.deny !== this.#policy.deny;
    this.#policy = route.policy;
    if (rulesChanged) this.#applyRules();
    const { removed } = diffBackends(this.#ring.members, route.backends);
    this.#ring.set(route.backends);
    this.#health.keep(route.backends);
    for (const id of this.#draining.keys()) if (this.#ring.has(id)) this.#keep(id);
    if (removed.length > 0) this.#drainThose(new Set(removed.map(backendId)));
    this.#sweepAgain();
  }

  /** Takes no more clients; those that are there may finish within drain_timeout. */
  close(done: () => void): void {
    this.#done = done;
    this.#ring.set([]);
    this.server.close();
    for (const connection of this.#connections) {
      if (connection.backend) this.#drain(backendId(connection.backend));
      else connection.reset();
    }
    this.#doneWhenEmpty();
  }

  reset(): void {
    for (const cancel of this.#draining.values()) cancel();
    this.#draining.clear();
    for (const connection of [...this.#connections]) connection.reset();
  }

  stats(): ListenerStats {
    let [bytesIn, bytesOut] = [this.#bytesIn, this.#bytesOut];
    for (const connection of this.#connections) {
      bytesIn += connection.bytesIn;
      bytesOut += connection.bytesOut;
    }
    return {
      connectionsOpen: this.#connections.size,
      connectionsTotal: this.#total,
      bytesIn,
      bytesOut,
      refused: this.#refused,
      backends: this.#health.of(this.#ring.members),
    };
  }

  get ends(): Ends {
    return this.options.ends;
  }

  get clock(): Clock {
    return this.options.clock;
  }

  get connectTimeout(): number {
    return this.options.settings().connectTimeout * 1_000;
  }

  get proxyProtocol(): 'v1' | 'v2' | undefined {
    return this.#policy.proxyProtocol;
  }

  next(tried: ReadonlySet<string>): Backend | undefined {
    const untried = (backend: Backend): boolean => !tried.has(backendId(backend));
    return (
      this.#ring.next((backend) => untried(backend) && !this.#health.suspected(backend)) ??
      this.#ring.next(untried)
    );
  }

  failed(backend: Backend, code: string): void {
    if (isLocal(code)) {
      const message = `connecting to ${formatAddress(backend)} failed here: ${code}`;
      this.options.failed(new HarborError('HARBOR_INTERNAL', message));
      return;
    }
    this.#health.failed(backend, code);
    this.options.backendFailed({ backend, reason: code });
  }

  connected(backend: Backend): void {
    this.#health.succeeded(backend);
    if (!this.#cancelSweep) this.#sweepLater();
    // It may have left while it was accepting.
    if (!this.#ring.has(backendId(backend))) this.#drain(backendId(backend));
  }

  closed(connection: TcpConnection): void {
    if (!this.#connections.delete(connection)) return;
    this.#bytesIn += connection.bytesIn;
    this.#bytesOut += connection.bytesOut;
    this.#doneWhenEmpty();
  }

  #doneWhenEmpty(): void {
    if (!this.#done || this.#connections.size > 0) return;
    for (const cancel of this.#draining.values()) cancel();
    this.#draining.clear();
    this.#cancelSweep?.();
    this.#done();
  }

  /** After a change of the rules, which may be another idle_timeout. */
  #sweepAgain(): void {
    this.#cancelSweep?.();
    this.#cancelSweep = undefined;
    this.#sweepLater();
  }

  /** Ends what has been idle for too long: one timer for all connections of the port. */
  #sweepLater(): void {
    const idle = (this.#policy.idleTimeout ?? this.options.settings().idleTimeout ?? 0) * 1_000;
    if (idle === 0 || this.#connections.size === 0) return;
    this.#cancelSweep = this.clock.schedule(idle / 4, () => {
      const now = this.clock.now();
      for (const connection of [...this.#connections]) {
        if (connection.backend && connection.lastMoved(now) <= now - idle) connection.reset();
      }
      this.#cancelSweep = undefined;
      this.#sweepLater();
    });
  }

  #accept(client: End): void {
    this.#total++;
    const limit = this.#policy.maxConnections ?? this.options.settings().maxConnections;
    const full = limit > 0 && this.#connections.size >= limit;
    if (full || !this.#admits(client)) {
      this.#refused++;
      client.reset();
      return;
    }
    const connection = new TcpConnection(client, this);
    this.#connections.add(connection);
    connection.serve();
  }

  /** Who it is the kernel is asked only where that matters. */
  #admits(client: End): boolean {
    return this.#access.open || this.#access.admits(plainAddress(client.remote.host));
  }

  /** Clients who may no longer come in may not stay either. */
  #applyRules(): void {
    this.#access = new Access(this.#policy);
    for (const connection of [...this.#connections]) if (!this.#admits(connection.client)) connection.reset();
  }

  #drainThose(gone: ReadonlySet<string>): void {
    for (const { backend } of this.#connections)
      if (backend && gone.has(backendId(backend))) this.#drain(backendId(backend));
  }

  #drain(id: string): void {
    if (this.#draining.has(id)) return;
    const seconds = this.#policy.drainTimeout ?? this.options.settings().drainTimeout;
    const cancel = this.clock.schedule(seconds * 1_000, () => {
      this.#draining.delete(id);
      for (const connection of [...this.#connections]) {
        if (connection.backend && backendId(connection.backend) === id) connection.reset();
      }
    });
    this.#draining.set(id, cancel);
  }

  /** The backend is back: its connections need not end. */
  #keep(id: string): void {
    this.#draining.get(id)?.();
    this.#draining.delete(id);
  }
}
