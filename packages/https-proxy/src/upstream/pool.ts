import type { Clock } from '@harbor/core';
import type { Socket } from 'node:net';
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
  /** How many connections there may be. */
  readonly mostConnections: number;
  /** How many requests may wait for one, as long as for an answer. */
  readonly mostWaiting: number;
}

/** Who sends a request, and waits for its answer. */
export interface Asker extends Answer {
  /** The connection it leaves by; at once, or when there is one. */
  placed(connection: Connection): void;
}

interface Waiting {
  readonly sent: Sent;
  /** It takes no connection that has served before. */
  readonly anew: boolean;
  readonly since: number;
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
  /** Connections that speak another protocol. */
  #left = 0;
  /** Those for whom there is no connection, the first first. */
  readonly #waiting = new Map<Asker, Waiting>();
  #serving = false;
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

  /** Sends a request on a connection that is free, or on a new one, as soon as there may be one. */
  send(sent: Sent, asker: Asker): void {
    const connection = this.#waiting.size > 0 ? undefined : (this.#take(sent.again) ?? this.#open());
    if (connection) this.#place(connection, sent, asker);
    else this.#wait(sent, asker, false);
  }

  /** Sends it on a new connection, as soon as there may be one. */
  sendAnew(sent: Sent, asker: Asker): void {
    const connection = this.#waiting.size > 0 ? undefined : this.#open();
    if (connection) this.#place(connection, sent, asker);
    else this.#wait(sent, asker, true);
  }

  /** Its answer is not wanted any more: it ends with the connection it left by, or waits for none. */
  withdraw(asker: Asker, connection: Connection | undefined): void {
    if (connection) connection.abort();
    else this.#waiting.delete(asker);
  }

  free(connection: Connection): void {
    this.#idle.push(connection);
    if (this.#waiting.size > 0) this.#serveSoon();
  }

  gone(connection: Connection): void {
    this.#all.delete(connection);
    const at = this.#idle.indexOf(connection);
    if (at >= 0) this.#idle.splice(at, 1);
    if (this.#waiting.size > 0) this.#serveSoon();
  }

  left(socket: Socket): void {
    this.#left++;
    socket.once('close', () => {
      this.#left--;
      if (this.#waiting.size > 0) this.#serveSoon();
    });
  }

  get size(): number {
    return this.#all.size;
  }

  close(): void {
    this.#cancel();
    this.#waiting.clear();
    for (const connection of [...this.#all]) connection.abort();
  }

  #place(connection: Connection, { head, isHead, hasBody }: Sent, asker: Asker): void {
    asker.placed(connection);
    connection.send(head, asker, { isHead, hasBody });
  }

  /** A new connection; undefined where there are as many as there may be. */
  #open(): Connection | undefined {
    if (this.#all.size + this.#left >= this.options.mostConnections) return undefined;
    const connection = new Connection(this);
    this.#all.add(connection);
    return connection;
  }

  #wait(sent: Sent, asker: Asker, anew: boolean): void {
    if (this.#waiting.size < this.options.mostWaiting) {
      this.#waiting.set(asker, { sent, anew, since: this.#now });
      // One that is free, but that this request cannot take, stands in the way of a new one.
      if (this.#idle.length > 0) this.#serveSoon();
    } else
      asker.failed('busy', 'there are as many connections to it, and requests that wait for one, as may be');
  }

  /** Not at once: whoever gives a connection back has not read all that came on it. */
  #serveSoon(): void {
    if (this.#serving) return;
    this.#serving = true;
    queueMicrotask(() => {
      this.#serving = false;
      this.#serve();
    });
  }

  #serve(): void {
    for (const [asker, { sent, anew }] of this.#waiting) {
      const connection = (anew ? undefined : this.#take(sent.again)) ?? this.#open();
      if (!connection) {
        // What is idle is not for it: in its place there may be a new one, which `gone` tells.
        this.#idle[0]?.abort();
        return;
      }
      this.#waiting.delete(asker);
      this.#place(connection, sent, asker);
    }
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
      this.#giveUp(this.#now - timeout);
      this.#cancel = this.#watch();
    });
  }

  /** Ends the wait of those who came before. */
  #giveUp(before: number): void {
    for (const [asker, { since }] of this.#waiting) {
      if (since > before) return;
      this.#waiting.delete(asker);
      asker.failed('busy', 'a request has waited for a connection to it for too long');
    }
  }
}
