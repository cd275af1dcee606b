import type { Socket } from 'node:net';
import type { ResponseHead } from './response.js';

/** Why the application's server has no answer. */
export type Failure =
  /** It accepts no connection. */
  | 'refused'
  /** There are as many connections to it as there may be, and no more may wait, or it waited too long. */
  | 'busy'
  /** It took longer than it may. */
  | 'slow'
  /** It closed the connection, or what it says is no HTTP. */
  | 'broken'
  /** A connection that was kept turned out to be closed: nothing came of the request. */
  | 'stale';

/** Who waits for the answer of the application's server. */
export interface Answer {
  information(head: ResponseHead): void;
  head(head: ResponseHead): void;
  /** False: the client takes no more for now; `Connection.resume` when it does. */
  data(chunk: Buffer): boolean;
  end(last: Buffer | undefined, trailers: readonly string[]): void;
  upgraded(head: ResponseHead, socket: Socket, rest: Buffer): void;
  failed(failure: Failure, reason: string): void;
  /** The server takes more of the request's body. */
  drained(): void;
}
