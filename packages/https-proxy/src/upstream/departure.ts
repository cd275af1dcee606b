import type { Writable } from 'node:stream';

/**
 * Heads of requests that came in one turn of the event loop leave together at its end. One by one, each would
 * find the server asleep again, and waking it costs more than the write.
 */
export class Departure {
  #waiting: { readonly socket: Writable; readonly head: string }[] = [];

  /** Sends it at the end of this turn. */
  add(socket: Writable, head: string): void {
    if (this.#waiting.push({ socket, head }) === 1) setImmediate(() => this.#leave());
  }

  #leave(): void {
    const leaving = this.#waiting;
    this.#waiting = [];
    for (const { socket, head } of leaving) if (!socket.destroyed) socket.write(head, 'latin1');
  }
}
