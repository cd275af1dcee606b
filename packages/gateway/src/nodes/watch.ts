import type { Clock, Millis } from '@harbor/core';
import { announcement, serviceSubjects } from '@harbor/wire';
import type { MessageBus } from '../dependencies.js';
import type { NodeChoice, NodeDirectory } from './directory.js';

/** How long a request waits for nodes to answer S.discover. */
const ANSWERS: Millis = 1_000;

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

  /**
   * The best node. Where none with room is known it asks all, for ports may have been given back since
   * they announced themselves, and waits up to a second. Errors: see the directory.
   */
  async choose(full = false): Promise<NodeChoice> {
    if (!this.directory.hasRoom) {
      this.discover();
      await this.#answers(Math.max(1, this.directory.size));
    }
    return this.directory.choose(full);
  }

  /** Resolves when a node with room has answered, as many as `expected` have, or none does in time. */
  #answers(expected: number): Promise<void> {
    return new Promise((resolve) => {
      let answers = 0;
      const end = (): void => {
        cancel();
        this.#waiting.delete(wake);
        resolve();
      };
      const wake = (): void => {
        answers += 1;
        if (answers >= expected || this.directory.hasRoom) end();
      };
      const cancel = this.clock.schedule(ANSWERS, end);
      this.#waiting.add(wake);
    });
  }
}
