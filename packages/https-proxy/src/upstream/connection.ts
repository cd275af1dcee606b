import { connect, type Socket } from 'node:net';
import type { Answer } from './answer.js';
import type { Departure } from './departure.js';
import type { Landing } from './landing.js';
import { BadResponse, ResponseParser, type ResponseEvents, type ResponseHead } from './response.js';

/** What a connection tells the pool it belongs to. */
export interface Owner {
  readonly host: string;
  readonly port: number;
  /** Where what servers send is read into. */
  readonly landing: Landing;
  /** Where heads of requests wait that leave together. */
  readonly departure: Departure;
  now(): number;
  /** It can serve another request. */
  free(connection: Connection): void;
  gone(connection: Connection): void;
  /** It speaks another protocol from now on, and is no connection of the pool's any more. */
  left(socket: Socket): void;
}

/** A connection to the application's server: one request at a time. */
export class Connection implements ResponseEvents {
  readonly #socket: Socket;
  readonly #parser = new ResponseParser(this);
  #answer: Answer | undefined;
  #bodySent = true;
  #answered = false;
  #connected = false;
  #gone = false;
  #upgraded = false;
  /** It has served a request before. */
  used = false;
  /** When something last went on in it, or it became idle. */
  since: number;

  constructor(readonly owner: Owner) {
    this.since = owner.now();
    const { host, port, landing } = owner;
    const onread = {
      buffer: () => landing.place,
      callback: (size: number) => {
        const bytes = landing.take(size);
        // Whoever took it over reads it as a stream.
        if (this.#upgraded) return this.#socket.push(bytes);
        this.#read(bytes);
        return true;
      },
    };
    this.#socket = connect({ host, port, noDelay: true, keepAlive: true, onread })
      .on('connect', () => (this.#connected = true))
      .on('drain', () => {
        this.since = owner.now();
        this.#answer?.drained();
      })
      .on('error', (error) => this.#lost(error.message))
      .on('end', () => this.#ended())
      .on('close', () => this.#lost('it closed the connection'));
  }

  /** How long it may be idle, ms: less than the server keeps it. */
  get keep(): number {
    const said = this.#parser.keepFor;
    return said === undefined || Number.isNaN(said) ? 4_000 : Math.max(0, said * 1_000 - 1_000);
  }

  /** Sends the head of a request; `hasBody` when `write` and `finish` follow. */
  send(head: string, answer: Answer, { isHead, hasBody }: { isHead: boolean; hasBody: boolean }): void {
    this.#answer = answer;
    this.#answered = false;
    this.#bodySent = !hasBody;
    this.since = this.owner.now();
    this.#parser.expect(isHead);
    // What follows the head must not overtake it.
    if (hasBody) this.#socket.write(head, 'latin1');
    else this.owner.departure.add(this.#socket, head);
  }

  /** False: it takes no more for now, `Answer.drained` tells when it does. */
  write(chunk: Buffer, chunked: boolean): boolean {
    this.since = this.owner.now();
    if (!chunked) return this.#socket.write(chunk);
    this.#socket.cork();
    this.#socket.write(`${chunk.length.toString(16)}\r\n`, 'latin1');
    this.#socket.write(chunk);
    const more = this.#socket.write('\r\n', 'latin1');
    this.#socket.uncork();
    return more;
  }

  /** The body has been sent; `tail` is what delimits it. */
  finish(tail: string): void {
    this.since = this.owner.now();
    this.#bodySent = true;
    if (tail !== '') this.#socket.write(tail, 'latin1');
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Nobody waits for the answer any more. */
  abort(): void {
    this.#answer = undefined;
    this.#destroy();
  }

  /** Ends one whose server has not begun to answer in time, where it is the server that is waited for. */
  expire(before: number): void {
    const waiting = this.#bodySent || this.#socket.writableNeedDrain;
    if (!this.#answer || this.#answered || !waiting || this.since > before) return;
    this.#fail('slow', this.#connected ? 'it has not answered' : 'it does not take the connection');
  }

  onInformation(head: ResponseHead): void {
    this.since = this.owner.now();
    this.#answer?.information(head);
  }

  onHead(head: ResponseHead): void {
    this.#answered = true;
    this.#answer?.head(head);
  }

  onData(chunk: Buffer): void {
    if (this.#answer?.data(chunk) === false) this.#socket.pause();
  }

  onEnd(last: Buffer | undefined, trailers: readonly string[]): void {
    const answer = this.#answer;
    this.#answer = undefined;
    answer?.end(last, trailers);
    if (!this.#bodySent || !this.#parser.reusable || this.#gone) this.#destroy();
    else {
      this.used = true;
      this.since = this.owner.now();
      this.#socket.resume();
      this.owner.free(this);
    }
  }

  onUpgrade(head: ResponseHead, rest: Buffer): void {
    const answer = this.#answer;
    this.#answer = undefined;
    this.#gone = true;
    this.#upgraded = true;
    this.#socket.removeAllListeners().pause();
    this.owner.left(this.#socket);
    this.owner.gone(this);
    answer?.upgraded(head, this.#socket, rest);
  }

  #read(bytes: Buffer): void {
    try {
      this.#parser.feed(bytes);
    } catch (thrown) {
      if (!(thrown instanceof BadResponse)) throw thrown;
      this.#fail('broken', thrown.message);
    }
  }

  #ended(): void {
    try {
      this.#parser.close();
    } catch (thrown) {
      if (!(thrown instanceof BadResponse)) throw thrown;
      this.#lost(thrown.message);
    }
    this.#destroy();
  }

  #lost(reason: string): void {
    if (!this.#answer) this.#destroy();
    else if (!this.#connected) this.#fail('refused', reason);
    else this.#fail(this.used && !this.#answered ? 'stale' : 'broken', reason);
  }

  #fail(failure: 'refused' | 'slow' | 'broken' | 'stale', reason: string): void {
    const answer = this.#answer;
    this.#answer = undefined;
    this.#destroy();
    answer?.failed(failure, reason);
  }

  #destroy(): void {
    if (!this.#gone) {
      this.#gone = true;
      this.owner.gone(this);
    }
    this.#socket.destroy();
  }
}
