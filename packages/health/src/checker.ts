import { backendId, type Backend, type Clock, type Random } from '@harbor/core';

/** Tries one backend; resolves with what went wrong, or undefined where it answers. */
export type Probe = (backend: Backend) => Promise<string | undefined>;

export interface CheckerOptions {
  readonly probe: Probe;
  /** How often a backend that answers is tried, and one that does not, ms. */
  readonly everyMs: number;
  readonly againMs: number;
  readonly clock: Clock;
  readonly random: Random;
  /** Told when a backend that answered does not any more, with the reason, and when it does again. */
  readonly onChange: (backend: Backend, failure: string | undefined) => void;
}

interface Checked {
  backend: Backend;
  failure: string | undefined;
  cancel: () => void;
}

/**
 * Tries every backend from time to time, each at a moment of its own, so that thousands are no burst. One
 * is taken as alive until it fails: a registration is word enough.
 */
export class HealthChecker {
  readonly #checked = new Map<string, Checked>();

  constructor(readonly options: CheckerOptions) {}

  /** Looks after a backend from now on; one that is looked after already keeps its place. */
  watch(backend: Backend): void {
    const id = backendId(backend);
    const known = this.#checked.get(id);
    if (known?.backend.instance === backend.instance) known.backend = backend;
    else {
      known?.cancel();
      this.#checked.set(id, { backend, failure: undefined, cancel: () => undefined });
      this.#later(id, this.options.everyMs);
    }
  }

  forget(backend: Backend): void {
    const id = backendId(backend);
    this.#checked.get(id)?.cancel();
    this.#checked.delete(id);
  }

  alive(backend: Backend): boolean {
    return this.#checked.get(backendId(backend))?.failure === undefined;
  }

  /** What is wrong with it, if anything. */
  failure(backend: Backend): string | undefined {
    return this.#checked.get(backendId(backend))?.failure;
  }

  /** Somebody else has seen it fail. */
  failed(backend: Backend, reason: string): void {
    this.#record(backendId(backend), reason);
  }

  /** It may have failed somebody: one that counts as alive is tried at once. */
  check(backend: Backend): void {
    const id = backendId(backend);
    const checked = this.#checked.get(id);
    if (!checked || checked.failure !== undefined) return;
    checked.cancel();
    void this.#try(id, checked);
  }

  close(): void {
    for (const { cancel } of this.#checked.values()) cancel();
    this.#checked.clear();
  }

  /** From half the time to one and a half of it. */
  #later(id: string, after: number): void {
    const checked = this.#checked.get(id);
    if (!checked) return;
    checked.cancel();
    checked.cancel = this.options.clock.schedule(after * (0.5 + this.options.random()), () => {
      void this.#try(id, checked);
    });
  }

  async #try(id: string, checked: Checked): Promise<void> {
    const failure = await this.options.probe(checked.backend);
    if (this.#checked.get(id) === checked) this.#record(id, failure);
  }

  #record(id: string, failure: string | undefined): void {
    const checked = this.#checked.get(id);
    if (!checked) return;
    const changed = (checked.failure === undefined) !== (failure === undefined);
    checked.failure = failure;
    this.#later(id, failure === undefined ? this.options.everyMs : this.options.againMs);
    if (changed) this.options.onChange(checked.backend, failure);
  }
}
