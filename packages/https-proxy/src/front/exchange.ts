import type { Readable } from 'node:stream';
import type { Socket } from 'node:net';
import { linesOf, trailersOf } from '../headers/fields.js';
import type { Body } from '../headers/request.js';
import type { Failure } from '../upstream/answer.js';
import type { Connection } from '../upstream/connection.js';
import type { Asker, Pool, Sent } from '../upstream/pool.js';
import type { ResponseHead } from '../upstream/response.js';

/** What every exchange works with. */
export interface Surroundings {
  readonly pool: Pool;
  /** Something the application's server did, or did not do. */
  onFailure(failure: Failure, reason: string): void;
}

/** What is told to a client whose request came to nothing. */
export function failureOf(failure: Failure): { readonly status: 502 | 503 | 504; readonly text: string } {
  if (failure === 'slow')
    return { status: 504, text: '504 Gateway Timeout: the application takes too long to answer.\n' };
  if (failure === 'busy')
    return { status: 503, text: '503 Service Unavailable: the application has too much to do; try again.\n' };
  if (failure === 'refused')
    return { status: 502, text: '502 Bad Gateway: the application does not answer; it may be starting.\n' };
  return { status: 502, text: '502 Bad Gateway: the application broke off.\n' };
}

/** What goes with it: when to try again, s. */
export const RETRY = { name: 'Retry-After', value: '1' } as const;

/** Methods of which a second try does no harm (RFC 9110, 9.2.2). */
const AGAIN = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'TRACE']);

/** Whether a request may be sent a second time. */
export function repeatable(method: string, body: Body): boolean {
  return body === 'none' && AGAIN.has(method);
}

/** A request and its answer, whichever HTTP the client speaks. */
export abstract class Exchange implements Asker {
  #connection: Connection | undefined;
  #sent: Sent | undefined;
  #source: Readable | undefined;
  #trailers: (() => readonly string[]) | undefined;
  #chunked = false;
  protected answered = false;
  protected over = false;

  constructor(protected readonly around: Surroundings) {}

  /** Passes the request on; its body follows where it has one. */
  protected pass(sent: Sent, body: Body, source: Readable, trailers: () => readonly string[]): void {
    this.#sent = sent;
    if (body !== 'none') {
      this.#source = source;
      this.#trailers = trailers;
      this.#chunked = body === 'chunked';
    }
    this.around.pool.send(sent, this);
  }

  placed(connection: Connection): void {
    this.#connection = connection;
    const [source, trailers] = [this.#source, this.#trailers];
    if (!source) return;
    source.on('data', (chunk: Buffer) => {
      if (this.#connection?.write(chunk, this.#chunked) === false) source.pause();
    });
    source.on('end', () => {
      const last = this.#chunked ? `0\r\n${linesOf(trailersOf(trailers?.() ?? []))}\r\n` : '';
      this.#connection?.finish(last);
    });
  }

  /** The client takes more of the answer. */
  protected readonly more = (): void => this.#connection?.resume();

  /** The client has gone. */
  protected cancel(): void {
    this.over = true;
    this.around.pool.withdraw(this, this.#connection);
    this.#connection = undefined;
  }

  drained(): void {
    this.#source?.resume();
  }

  head(head: ResponseHead): void {
    this.answered = true;
    this.respond(head);
  }

  end(last: Buffer | undefined, trailers: readonly string[]): void {
    this.#connection = undefined;
    this.over = true;
    // What comes of the body after the answer goes nowhere.
    if (this.#source) this.#source.resume();
    this.complete(last, trailers);
  }

  failed(failure: Failure, reason: string): void {
    // It is still there where the fault was found on this side.
    this.#connection?.abort();
    this.#connection = undefined;
    if (failure === 'stale' && this.#sent?.again) {
      this.around.pool.sendAnew(this.#sent, this);
      return;
    }
    this.around.onFailure(failure, reason);
    this.over = true;
    this.#source?.resume();
    if (this.answered) this.breakOff();
    else this.refuse(failureOf(failure));
  }

  upgraded(_head: ResponseHead, socket: Socket, _rest: Buffer): void {
    socket.destroy();
    this.failed('broken', 'it changes to a protocol that nobody asked for');
  }

  abstract information(head: ResponseHead): void;
  abstract data(chunk: Buffer): boolean;
  protected abstract respond(head: ResponseHead): void;
  protected abstract complete(last: Buffer | undefined, trailers: readonly string[]): void;
  protected abstract refuse(what: { readonly status: number; readonly text: string }): void;
  /** The answer has begun and cannot be finished: the client has to see that. */
  protected abstract breakOff(): void;
}
