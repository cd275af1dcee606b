import { backoffDelay, type Backoff } from '../time/backoff.js';
import type { Clock, Random } from '../time/clock.js';

/** What is to be brought in line: some keys, or everything. */
export type Scope<K> = 'all' | ReadonlySet<K>;

export interface ReconcilerOptions<K> {
  /** Brings the world in line with what is wanted *now*; it must look, not remember. */
  readonly apply: (scope: Scope<K>) => Promise<void>;
  readonly clock: Clock;
  readonly random: Random;
  /** Told of every failure; the next try is a whole one. */
  readonly onFailure: (error: unknown, attempt: number) => void;
  readonly backoff?: Backoff;
}

/**
 * Level-triggered and coalescing: however often it is touched while it works, it works once more, on
 * what has been touched since. After a failure it waits (doubling) and then brings everything in line,
 * for what the failure left behind is not known.
 */
export class Reconciler<K> {
  #scope: 'all' | Set<K> = new Set();
  #running = false;
  #closed = false;
  #attempt = 0;
  #cancelRetry: (() => void) | undefined;
  #waiting: (() => void)[] = [];

  constructor(readonly options: ReconcilerOptions<K>) {}

  touch(keys: Iterable<K>): void {
    if (this.#scope !== 'all') for (const key of keys) this.#scope.add(key);
    this.#start();
  }

  touchAll(): void {
    this.#scope = 'all';
    this.#start();
  }

  /** True when everything touched so far has been applied. */
  get idle(): boolean {
    return !this.#running && this.#scope !== 'all' && this.#scope.size === 0;
  }

  /** Resolves when everything touched so far has been applied, however often that fails before. */
  settled(): Promise<void> {
    if (this.idle || this.#closed) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Does now what a failure has put off. */
  retryNow(): void {
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
    this.#start();
  }

  close(): void {
    this.#closed = true;
    this.#cancelRetry?.();
    this.#release();
  }

  #start(): void {
    if (this.#running || this.#closed || this.#cancelRetry || this.idle) return;
    this.#running = true;
    // In a microtask, so that a burst of touches in one turn is one application.
    void Promise.resolve().then(() => this.#run());
  }

  async #run(): Promise<void> {
    const scope = this.#scope;
    this.#scope = new Set();
    try {
      await this.options.apply(scope);
      this.#attempt = 0;
    } catch (error) {
      this.#scope = 'all';
      this.#failed(error);
    }
    this.#running = false;
    if (this.idle) this.#release();
    else this.#start();
  }

  #failed(error: unknown): void {
    if (this.#closed) return;
    const { clock, random, onFailure, backoff = { first: 100, most: 5_000 } } = this.options;
    onFailure(error, this.#attempt);
    this.#cancelRetry = clock.schedule(backoffDelay(backoff, this.#attempt++, random), () => {
      this.#cancelRetry = undefined;
      this.#start();
    });
  }

  #release(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
