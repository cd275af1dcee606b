import type { Clock, Millis } from '@harbor/core';
import { announcement, nodeId, serviceSubjects, type Announcement } from '@harbor/wire';
import type { MessageBus } from '../dependencies.js';
import type { NodeChoice, NodeDirectory, NodeNeeds } from './directory.js';

/** How long a request waits for nodes to answer S.discover. */
const ANSWERS: Millis = 1_000;
/** How often stale nodes are swept away (wire facts §2). */
const SWEEP_EVERY: Millis = 60_000;

const heard = announcement.extend({ id: nodeId });

/** Keeps the directory of nodes current from their announcements. */
export class NodeWatch {
  readonly #subjects: ReturnType<typeof serviceSubjects>;
  readonly #waiting = new Set<() => void>();
  #cancel: () => void = () => undefined;

  constructor(
    readonly directory: NodeDirectory,
    readonly bus: MessageBus,
    readonly clock: Clock,
    service: string,
    readonly onHeard: (announced: Announcement) => void = () => undefined,
  ) {
    this.#subjects = serviceSubjects(service);
  }

  /** Listens, and asks who is there. */
  start(): void {
    this.bus.subscribe(this.#subjects.announce, heard, (announced) => {
      this.directory.hear(announced);
      this.onHeard(announced);
      for (const wake of [...this.#waiting]) wake();
    });
    this.discover();
    this.#sweep();
  }

  stop(): void {
    this.#cancel();
  }

  /** Asks every node to announce itself now: at the start and after NATS was away. */
  discover(): void {
    this.bus.publish(this.#subjects.discover, {});
  }

  /**
   * The best node. Where none with room is known it asks all, for ports may have been given back since
   * they announced themselves, and waits up to a second. The other arguments and errors: see the directory.
   */
  async choose(needs: NodeNeeds = {}): Promise<NodeChoice> {
    if (!this.directory.hasRoom(needs)) {
      this.discover();
      await this.#answers(needs, Math.max(1, this.directory.size));
    }
    return this.directory.choose(needs);
  }

  #sweep(): void {
    this.#cancel = this.clock.schedule(SWEEP_EVERY, () => {
      this.directory.sweep();
      this.#sweep();
    });
  }

  /** Resolves when a node with room has answered, as many as `expected` have, or none does in time. */
  #answers(needs: NodeNeeds, expected: number): Promise<void> {
    return new Promise((resolve) => {
      let answers = 0;
      const end = (): void => {
        cancel();
        this.#waiting.delete(wake);
        resolve();
      };
      const wake = (): void => {
        answers += 1;
        if (answers >= expected || this.directory.hasRoom(needs)) end();
      };
      const cancel = this.clock.schedule(ANSWERS, end);
      this.#waiting.add(wake);
    });
  }
}
