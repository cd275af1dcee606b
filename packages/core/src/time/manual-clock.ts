import type { Clock, Millis } from './clock.js';

interface Task {
  readonly at: Millis;
  readonly order: number;
  readonly run: () => void;
}

/** A clock that stands still until `advance` is called; it runs due tasks in order of their time. */
export class ManualClock implements Clock {
  #now: Millis;
  #order = 0;
  readonly #tasks = new Set<Task>();

  constructor(start: Millis = 0) {
    this.#now = start;
  }

  now(): Millis {
    return this.#now;
  }

  schedule(delay: Millis, run: () => void): () => void {
    const task: Task = { at: this.#now + Math.max(0, delay), order: this.#order++, run };
    this.#tasks.add(task);
    return () => this.#tasks.delete(task);
  }

  /** How many tasks wait to be run. */
  get pending(): number {
    return this.#tasks.size;
  }

  advance(by: Millis): void {
    const end = this.#now + by;
    for (let next = this.#due(end); next; next = this.#due(end)) {
      this.#tasks.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.run();
    }
    this.#now = end;
  }

  #due(end: Millis): Task | undefined {
    let first: Task | undefined;
    for (const task of this.#tasks) {
      if (task.at > end) continue;
      if (!first || task.at < first.at || (task.at === first.at && task.order < first.order)) first = task;
    }
    return first;
  }
}
