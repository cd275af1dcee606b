import type { Clock, Transport } from '@harbor/core';
import { unbind, type Bound } from './bind.js';

/** What came of a reservation. */
export type ReserveOutcome =
  { readonly held: true } | { readonly held: false; readonly error: Error; readonly transport: Transport };

interface Held {
  readonly bounds: Map<Transport, Bound>;
  readonly cancel: () => void;
}

export interface ReservationsOptions {
  readonly bind: (transport: Transport, port: number) => Promise<Bound>;
  readonly clock: Clock;
}

/** Ports that are bound before they belong to a service. */
export class Reservations {
  readonly #held = new Map<number, Held>();
  readonly #turns = new Map<number, Promise<void>>();

  constructor(readonly options: ReservationsOptions) {}

  /** Binds all the transports or none; asked again it holds the port for longer. */
  reserve(port: number, transports: readonly Transport[], holdFor: number): Promise<ReserveOutcome> {
    return this.#inTurn(port, () => this.#reserve(port, transports, holdFor));
  }

  release(port: number): Promise<void> {
    return this.#inTurn(port, () => this.#release(port));
  }

  /** What is held of the port, or a new binding; the caller owns it. */
  adopt(transport: Transport, port: number): Promise<Bound> {
    return this.#inTurn(port, () => this.#adopt(transport, port));
  }

  async close(): Promise<void> {
    await Promise.all([...this.#held.keys()].map((port) => this.release(port)));
  }

  /** One thing after the other with a port: two at once would stand in each other's way. */
  #inTurn<T>(port: number, work: () => Promise<T>): Promise<T> {
    const result = (this.#turns.get(port) ?? Promise.resolve()).then(work);
    const over = (): void => {
      if (this.#turns.get(port) === turn) this.#turns.delete(port);
    };
    const turn = result.then(over, over);
    this.#turns.set(port, turn);
    return result;
  }

  async #reserve(port: number, transports: readonly Transport[], holdFor: number): Promise<ReserveOutcome> {
    const bounds = this.#held.get(port)?.bounds ?? new Map<Transport, Bound>();
    this.#held.get(port)?.cancel();
    for (const transport of transports) {
      if (bounds.has(transport)) continue;
      try {
        const bound = await this.options.bind(transport, port);
        turnAway(bound);
        bounds.set(transport, bound);
      } catch (thrown) {
        const error = thrown instanceof Error ? thrown : new Error(String(thrown));
        this.#held.delete(port);
        await Promise.all([...bounds.values()].map(unbind));
        return { held: false, error, transport };
      }
    }
    const cancel = this.options.clock.schedule(holdFor, () => void this.release(port));
    this.#held.set(port, { bounds, cancel });
    return { held: true };
  }

  async #release(port: number): Promise<void> {
    const held = this.#held.get(port);
    if (!held) return;
    this.#held.delete(port);
    held.cancel();
    await Promise.all([...held.bounds.values()].map(unbind));
  }

  async #adopt(transport: Transport, port: number): Promise<Bound> {
    const held = this.#held.get(port);
    const bound = held?.bounds.get(transport);
    if (!held || !bound) return this.options.bind(transport, port);
    held.bounds.delete(transport);
    if (held.bounds.size === 0) {
      held.cancel();
      this.#held.delete(port);
    }
    takeOver(bound);
    return bound;
  }
}

/** Nobody is served here yet. */
function turnAway(bound: Bound): void {
  if (bound.transport === 'udp') bound.socket.on('error', () => undefined);
  else {
    bound.server.on('error', () => undefined);
    bound.server.on('connection', (client) => {
      client.on('error', () => undefined);
      client.resetAndDestroy();
    });
  }
}

function takeOver(bound: Bound): void {
  if (bound.transport === 'udp') bound.socket.removeAllListeners('error');
  else bound.server.removeAllListeners('error').removeAllListeners('connection');
}
