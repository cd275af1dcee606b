import { backoffDelay, type Backoff, type Clock, type Millis, type Random } from '@harbor/core';
import type { Logger } from '@harbor/log';
import type { LogLine } from '../logs/line.js';
import { drainTarget, type Drain, type Target } from './drain.js';
import { encode } from './format.js';
import type { Link, OpenLink } from './link.js';
import { LineQueue, type QueueLimits } from './queue.js';

export type DrainState = 'connected' | 'connecting' | 'waiting';

/** How one drain stands, as `kato log drain status --json` shows it. */
export interface DrainStatus {
  readonly name: string;
  readonly url: string;
  /** `waiting`: for the next attempt. */
  readonly state: DrainState;
  /** Lines the network took since the supervisor started or the drain was added. */
  readonly sent: number;
  /** Lines given up because too many were waiting. */
  readonly dropped: number;
  /** Lines that wait now. */
  readonly queued: number;
  readonly last_error: string | null;
}

export interface ForwarderOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Pick<Logger, 'info' | 'warn'>;
  readonly open: OpenLink;
  /** This machine's name, for syslog. */
  readonly host: string;
  readonly limits?: QueueLimits;
}

const LIMITS: QueueLimits = { lines: 10_000, bytes: 8 * 1_048_576 };
const RECONNECT: Backoff = { first: 1_000, most: 30_000 };
const CONNECT_TIMEOUT: Millis = 10_000;
/** A server that takes nothing for so long is left, ms: perhaps another connection goes elsewhere. */
const SEND_TIMEOUT: Millis = 30_000;
/** A connection that lasted so long, ms, was a good one: the next attempts begin with short waits again. */
const STEADY: Millis = 10_000;

/** Sends lines to one drain, one after the other; what cannot be sent waits in a bounded queue. */
export class Forwarder {
  readonly #queue: LineQueue;
  readonly #target: Target;
  #state: DrainState = 'connecting';
  #attempt = new AbortController();
  #closed: Promise<void> | undefined;
  #failures = 0;
  #told = false;
  #connectedAt: Millis | undefined;
  #link: Link | undefined;
  /** What the link was given and has not taken yet. */
  #flight: readonly Buffer[] = [];
  #sent = 0;
  #lastError: string | undefined;
  #cancel: () => void = () => undefined;
  #waiters: (() => void)[] = [];

  constructor(
    readonly drain: Drain,
    readonly options: ForwarderOptions,
  ) {
    this.#queue = new LineQueue(options.limits ?? LIMITS);
    this.#target = drainTarget(drain);
    this.#connect();
  }

  get status(): DrainStatus {
    const { name, url } = this.drain;
    return {
      name,
      url,
      state: this.#state,
      sent: this.#sent,
      dropped: this.#queue.dropped,
      queued: this.#queue.length + this.#flight.length,
      last_error: this.#lastError ?? null,
    };
  }

  /** Never waits and never fails. */
  push(line: LogLine): void {
    this.#queue.push(encode(line, this.drain.format, this.#target, this.options.host));
    this.#pump();
  }

  /** Resolves when nothing waits any longer, or nothing can be sent now. */
  flushed(): Promise<void> {
    if (!this.#link || this.#flight.length === 0) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  /** Ends the connection; what waits is lost, what was sent arrives. Resolves when it is closed. */
  close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  #close(): Promise<void> {
    const link = this.#link;
    this.#cancel();
    this.#link = undefined;
    this.#release();
    if (link) return link.close();
    this.#attempt.abort();
    return Promise.resolve();
  }

  #connect(): void {
    const attempt = new AbortController();
    this.#attempt = attempt;
    this.#state = 'connecting';
    const failed = (reason: unknown): void => this.#failed(attempt, reason);
    this.#later(CONNECT_TIMEOUT, () =>
      failed(new Error(`no connection within ${CONNECT_TIMEOUT / 1_000} s`)),
    );
    this.options
      .open(this.#target, attempt.signal, failed)
      .then((link) => this.#connected(attempt, link), failed);
  }

  #connected(attempt: AbortController, link: Link): void {
    if (attempt.signal.aborted) return;
    const { name, url } = this.drain;
    this.#cancel();
    this.#state = 'connected';
    this.#link = link;
    this.#connectedAt = this.options.clock.now();
    this.#told = false;
    const { dropped } = this.#queue;
    this.options.log.info(
      { event: 'drain_connected', drain: name, url, dropped },
      `the drain ${name} is connected`,
    );
    this.#pump();
  }

  #failed(attempt: AbortController, reason: unknown): void {
    // The one before, or ended on purpose.
    if (this.#closed || attempt.signal.aborted) return;
    attempt.abort();
    const { clock, random, log } = this.options;
    this.#lastError = reason instanceof Error ? reason.message : String(reason);
    if (this.#connectedAt !== undefined && clock.now() - this.#connectedAt >= STEADY) this.#failures = 0;
    this.#connectedAt = undefined;
    this.#link = undefined;
    this.#queue.giveBack(this.#flight);
    this.#flight = [];
    this.#state = 'waiting';
    this.#release();
    this.#later(backoffDelay(RECONNECT, this.#failures++, random), () => this.#connect());
    // Once, not with every attempt: this line may be one of those that wait.
    if (this.#told) return;
    this.#told = true;
    const { name, url } = this.drain;
    log.warn(
      { event: 'drain_down', drain: name, url, reason: this.#lastError },
      `the drain ${name} cannot be reached; it is tried again`,
    );
  }

  #pump(): void {
    const link = this.#link;
    if (!link || this.#flight.length > 0) return;
    const lines = this.#queue.take(link.atOnce);
    if (lines.length === 0) {
      this.#release();
      return;
    }
    const attempt = this.#attempt;
    this.#flight = lines;
    this.#later(SEND_TIMEOUT, () =>
      this.#failed(attempt, new Error(`nothing was taken for ${SEND_TIMEOUT / 1_000} s`)),
    );
    link.send(lines).then(
      (sent) => {
        if (this.#closed || attempt.signal.aborted) return;
        this.#cancel();
        this.#flight = [];
        this.#sent += sent;
        this.#queue.giveUp(lines.length - sent);
        this.#pump();
      },
      (reason: unknown) => this.#failed(attempt, reason),
    );
  }

  /** One timer at a time: for the connection, for what was sent, or for the next attempt. */
  #later(delay: Millis, task: () => void): void {
    this.#cancel();
    this.#cancel = this.options.clock.schedule(delay, task);
  }

  #release(): void {
    for (const waiter of this.#waiters.splice(0)) waiter();
  }
}
