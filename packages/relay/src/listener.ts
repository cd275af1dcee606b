import type { Backend, HarborError, Route } from '@harbor/core';
import type { BackendHealth } from './health.js';

/** The connector's defaults; a route's policy goes before them. Times in seconds. */
export interface RelaySettings {
  /** 0.0.0.0 is every address, IPv4 and IPv6. */
  readonly bindHost: string;
  readonly connectTimeout: number;
  /** null: never. */
  readonly idleTimeout: number | null;
  readonly udpIdleTimeout: number;
  readonly drainTimeout: number;
  /** Per port; 0 is no limit. */
  readonly maxConnections: number;
}

/** A backend that refused, did not answer, or whose host said that nobody listens there. */
export interface BackendFailure {
  readonly backend: Backend;
  readonly reason: string;
}

/** What a listener is given by the relay. */
export interface ListenerOptions {
  readonly settings: () => RelaySettings;
  readonly backendFailed: (failure: BackendFailure) => void;
  readonly failed: (error: HarborError) => void;
}

/** What a listener has done so far. */
export interface ListenerStats {
  readonly connectionsOpen: number;
  readonly connectionsTotal: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Clients turned away by a rule or a limit, and datagrams dropped for want of a backend. */
  readonly refused: number;
  readonly backends: readonly BackendHealth[];
}

/** One open port of one transport. */
export interface Listener {
  /** Takes over a route's backends and rules without touching what goes on with those that stay. */
  update(route: Route): void;
  /** Gives the port back at once; what is open may finish, and `done` is called when all has. */
  close(done: () => void): void;
  /** Ends whatever is still open. */
  reset(): void;
  stats(): ListenerStats;
}
