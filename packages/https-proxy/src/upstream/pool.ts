import type { Clock } from '@harbor/core';
import type { Answer } from './answer.js';
import { Connection, type Owner } from './connection.js';
import { Departure } from './departure.js';
import { Landing } from './landing.js';

export interface PoolOptions {
  readonly host: string;
  readonly port: number;
  readonly clock: Clock;
  /** How long the server may take to begin its answer, ms. */
  readonly timeout: number;
}

/** A request on its way to the application's server. */
export interface Sent {
  readonly head: string;
  readonly isHead: boolean;
  readonly hasBody: boolean;
  /** It may be sent once more where the first try came to nothing (RFC 9110, 9.2.2). */
  readonly again: boolean;
}

/** A request that may not be repeated takes no connection that the server may be about to close, ms. */
const FRESH = 1_000;

/** Connections to the application's server, kept for the next request. The one used last is used first. */
export class Pool implements Owner {
  readonly host: string;
  readonly port: number;
  readonly landing = new Landing();
  readonly departure = new Departure();
  readonly #idle: Connection[] = [];
  readonly #all = new Set<Connection>();
  #now: number;
  #cancel: () => void;

  constructor(readonly options: PoolOptions) {
    this.host = options.host;
    this.port = options.port;
    this.#now = options.clock.now();
    this.#cancel = this.#watch();
  }

  /** The time in the accuracy of the watch: a request costs no look at the clock. */
  now(): number {
    return this.#now;
  }

  /** Sends a request on a connection that is free, or on a new one. */
  send({ head, isHead, hasBody, again }: Sent, answer: Answer): Connection {
    const connection = this.#take(again) ?? this.#open();
    connection.send(head, answer, { isHead, hasBody });
    return connection;
  }

  /** Sends it on a new connection. */
  sendAnew({ head, isHead, hasBody }: Sent, answer: Answer): Connection {
    const connection = this.#open();
    connection.send(head, answer, { isHead, hasBody });
    return connection;
  }

  free(connection: Connection): void {
    this.#idle.push(connection);
  }

  gone(connection: Connection): void {
    this.#all.delete(connection);
    const at = this.#idle.indexOf(connection);
    if (at >= 0) this.#idle.splice(at, 1);
  }

  get size(): number {
    return this.#all.size;
  }

  close(): void {
    this.#cancel();
    for (const connection of [...this.#all]) connection.abort();
  }

  #open(): Connection {
    const connection = new Connection(this);
    this.#all.add(connection);
    return connection;
  }

  #take(again: boolean): Connection | undefined {
    const last = this.#idle.at(-1);
    if (!last || this.#now - last.since > (again ? last.keep : Math.min(last.keep, FRESH))) return undefined;
    return this.#idle.pop();
  }

  #watch(): () => void {
    const { clock, timeout } = this.options;
    return clock.schedule(Math.min(250, timeout / 4), () => {
      this.#now = clock.now();
      for (const connection of this.#all) connection.expire(this.#now - timeout);
      for (const connection of this.#idle.filter(({ since, keep }) => this.#now - since > keep))
        connection.abort();
      this.#cancel = this.#watch();
    });
  }
}
