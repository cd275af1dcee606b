import { within, type Clock, type Commit, type CommitResult, type Replica } from '@harbor/core';
import type { StateFollower, StateStore } from '../dependencies.js';

/** How long a write waits until this gateway reads it too, ms; past that it is acknowledged anyway. */
const READ_OWN_WRITE = 2_000;

/** The shared state as the gateway uses it: whoever wrote reads his own write afterwards. */
export class SharedState {
  constructor(
    readonly store: StateStore,
    readonly follower: StateFollower,
    readonly clock: Clock,
  ) {}

  get replica(): Replica {
    return this.follower.replica;
  }

  /** Commits and waits until the replica holds the result. Errors: those of the store. */
  async commit(commit: Commit): Promise<CommitResult> {
    const result = await this.store.commit(commit);
    if (result.done) await this.seen(result.revision);
    return result;
  }

  /** Waits until the replica holds a revision, which somebody else may have made for us, or it takes too long. */
  async seen(revision: number): Promise<void> {
    await within(this.clock, READ_OWN_WRITE, this.follower.caughtUp(revision));
  }
}
