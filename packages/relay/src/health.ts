import { backendId, backoffDelay, formatAddress, type Backend, type Clock, type Random } from '@harbor/core';

/** How a backend has behaved, for who asks. Times in ms since the epoch. */
export interface BackendHealth {
  readonly address: string;
  readonly lastError?: string;
  readonly lastErrorAt?: number;
  readonly suspectedUntil?: number;
}

interface Record {
  lastError: string;
  lastErrorAt: number;
  suspectedUntil: number;
  timeouts: number;
}

const SUSPICION = { first: 1_000, most: 30_000 };
/** Answers at once: trying such a backend again in its next turn costs next to nothing. */
const CHEAP = new Set(['ECONNREFUSED', 'ECONNRESET']);

/** What is short on this machine: file descriptors, ports to call from, memory. */
const LOCAL = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'EADDRNOTAVAIL']);

/** True for failures that are this machine's, not the backend's. */
export function isLocal(code: string): boolean {
  return LOCAL.has(code);
}

/**
 * Remembers which backends fail. One that refuses is simply tried again in its turn; one that lets its
 * caller wait is suspected for a while, in which it is asked only when nobody else is left.
 */
export class Health {
  readonly #records = new Map<string, Record>();

  constructor(
    readonly clock: Clock,
    readonly random: Random,
  ) {}

  suspected(backend: Backend): boolean {
    return (this.#records.get(backendId(backend))?.suspectedUntil ?? 0) > this.clock.now();
  }

  failed(backend: Backend, code: string): void {
    const now = this.clock.now();
    const known = this.#records.get(backendId(backend));
    const cheap = CHEAP.has(code);
    const timeouts = cheap ? 0 : (known?.timeouts ?? 0) + 1;
    const suspectedUntil = cheap ? 0 : now + backoffDelay(SUSPICION, timeouts - 1, this.random);
    this.#records.set(backendId(backend), { lastError: code, lastErrorAt: now, suspectedUntil, timeouts });
  }

  succeeded(backend: Backend): void {
    if (this.#records.size > 0) this.#records.delete(backendId(backend));
  }

  /** Forgets those that are no backends any more. */
  keep(backends: readonly Backend[]): void {
    if (this.#records.size === 0) return;
    const ids = new Set(backends.map(backendId));
    for (const id of this.#records.keys()) if (!ids.has(id)) this.#records.delete(id);
  }

  of(backends: readonly Backend[]): BackendHealth[] {
    return backends.map((backend) => {
      const { lastError, lastErrorAt, suspectedUntil } = this.#records.get(backendId(backend)) ?? {};
      return {
        address: formatAddress(backend),
        ...(lastError === undefined ? {} : { lastError }),
        ...(lastErrorAt === undefined ? {} : { lastErrorAt }),
        ...(suspectedUntil ? { suspectedUntil } : {}),
      };
    });
  }
}
