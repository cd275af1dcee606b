import type { Clock, Millis } from '@harbor/core';
import { announcement, serviceSubjects } from '@harbor/wire';
import type { MessageBus } from '../dependencies.js';
import type { NodeChoice, NodeDirectory } from './directory.js';

/** How long a request waits for a first node to answer S.discover. */
const FIRST_ANSWER: Millis = 1_000;

/** What can stand in a NATS subject without changing its meaning. */
const SUBJECT_TOKENS = /^[^\s\p{Cc}.*>]+(?:\.[^\s\p{Cc}.*>]+)*$/u;

const heard = announcement.refine(({ id }) => SUBJECT_TOKENS.test(id), {
  path: ['id'],
  error: 'cannot be part of a NATS subject',
});

/** Keeps the directory of nodes current from their announcements. */
export class NodeWatch {
  readonly #subjects: ReturnType<typeof serviceSubjects>;
  readonly #waiting = new Set<() => void>();

  constructor(
    readonly directory: NodeDirectory,
    readonly bus: MessageBus,
    readonly clock: Clock,
    service: string,
  ) {
    this.#subjects = serviceSubjects(service);
  }

  /** Listens, and asks who is there. */
  start(): void {
    this.bus.subscribe(this.#subjects.announce, heard, (announced) => {
      this.directory.hear(announced);
      for (const wake of [...this.#waiting]) wake();
    });
    this.discover();
  }

  /** Asks every node to announce itself now: at the start and after NATS was away. */
  discover(): void {
    this.bus.publish(this.#subjects.discover, {});
  }

  /** The best node; where none is known yet it asks and waits up to a second. Errors: see the directory. */
  async choose(): Promise<NodeChoice> {
    if (!this.directory.hasNode) {
      this.discover();
      await this.#firstAnswer();
    }
    return this.directory.choose();
  }

  #firstAnswer(): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        cancel();
        this.#waiting.delete(wake);
        resolve();
      };
      const cancel = this.clock.schedule(FIRST_ANSWER, wake);
      this.#waiting.add(wake);
    });
  }
}
