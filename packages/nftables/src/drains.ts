import { formatAddress, type Address, type Clock } from '@harbor/core';
import type { Run } from './command.js';
import { endFlows } from './flows.js';

/** The TCP connections to one port that one backend answers. */
export interface Drain {
  readonly transport: 'tcp';
  readonly port: number;
  readonly backend: Address;
}

/** Connections to backends that have left: they go on for a while, then they are ended. */
export class Drains {
  readonly #underWay = new Map<string, () => void>();

  constructor(
    readonly run: Run,
    readonly clock: Clock,
    readonly onFailure: (error: unknown) => void,
  ) {}

  /** Ends them in `seconds`; where that is under way it is left as it is. */
  begin(drain: Drain, seconds: number): void {
    const key = keyOf(drain);
    if (this.#underWay.has(key)) return;
    const cancel = this.clock.schedule(seconds * 1_000, () => {
      this.#underWay.delete(key);
      endFlows(this.run, drain).catch(this.onFailure);
    });
    this.#underWay.set(key, cancel);
  }

  /** The backend is back: its connections need not end. */
  cancel(drain: Drain): void {
    const key = keyOf(drain);
    this.#underWay.get(key)?.();
    this.#underWay.delete(key);
  }

  close(): void {
    for (const cancel of this.#underWay.values()) cancel();
    this.#underWay.clear();
  }
}

function keyOf({ port, backend }: Drain): string {
  return `${port} ${formatAddress(backend)}`;
}
