import { asHarborError, type Clock, type Membership, type Millis, type Replica } from '@harbor/core';
import { leftBehind } from './entering.js';

/**
 * How long a group has to be without members before a node that left it takes what it made back, ms: longer than
 * members take that only start anew.
 */
export const BACK_AFTER: Millis = 60_000;

export interface ReturningOptions {
  readonly membership: Membership;
  readonly replica: () => Replica;
  readonly clock: Clock;
  /** Brings what is left behind to this node. */
  readonly bring: () => Promise<void>;
  readonly log: { warn(fields: object, message: string): void };
}

/**
 * What a node made in a group it left stays the group's while somebody serves it there. When the last member has
 * left, too, the node that made it takes it back, so that it is served on.
 */
export class Returning {
  /** The groups without members, and what ends the wait for each. */
  readonly #waiting = new Map<string, () => void>();

  constructor(readonly options: ReturningOptions) {}

  /** To be called whenever members have come or gone. */
  look(): void {
    const { membership, replica, clock } = this.options;
    const groups = new Set(leftBehind(membership, replica()).flatMap(({ group }) => group ?? []));
    for (const [group, cancel] of this.#waiting) {
      if (groups.has(group)) continue;
      cancel();
      this.#waiting.delete(group);
    }
    for (const group of groups)
      if (!this.#waiting.has(group))
        this.#waiting.set(
          group,
          clock.schedule(BACK_AFTER, () => void this.#bring(group)),
        );
  }

  stop(): void {
    for (const cancel of this.#waiting.values()) cancel();
    this.#waiting.clear();
  }

  async #bring(group: string): Promise<void> {
    try {
      // What has a number that is taken stays left behind: the wait is over until members have been there.
      await this.options.bring();
    } catch (thrown) {
      const { code, message } = asHarborError(thrown);
      this.options.log.warn({ event: 'service_not_brought', group, code }, message);
      // Redis is away: the next look waits anew.
      this.#waiting.delete(group);
      this.look();
    }
  }
}
