import type { Address } from '@harbor/core';
import type { Server } from 'node:net';

/** One end of a relayed connection: the client's, or the backend's. */
export interface End {
  /** The other side's address and port, and ours; as the kernel writes them, '' and 0 where it is gone. */
  readonly remote: Address;
  readonly local: Address;
  /** Bytes so far; those written may still wait in our memory, `unsent` of them. */
  readonly bytesRead: number;
  readonly bytesWritten: number;
  readonly unsent: number;
  /** Ends it at once: the other side sees a reset. One that is not connected yet is given up. */
  reset(): void;
}

/** How connections are accepted, made and joined. Every end of one `Ends` is used with that one only. */
export interface Ends {
  /** Takes every client of a listener; told of what could not be accepted. Nothing is read of a client yet. */
  accept(server: Server, onClient: (client: End) => void, onError: (cause: Error) => void): void;
  /** Connects; `done` is called once, unless it is reset before: with the reason where that failed (ECONNREFUSED …). */
  connect(to: Address, done: (failure?: string) => void): End;
  /**
   * Moves bytes both ways between two ends until both directions have ended: an end passes on as an end
   * (half-close), a failure as a reset, and a side that does not read slows the other down. `header` goes
   * to `backend` first. `done` is called once, when nothing is left of either.
   */
  splice(client: End, backend: End, header: Uint8Array | undefined, done: () => void): void;
}
