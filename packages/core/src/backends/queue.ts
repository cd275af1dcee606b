import type { Millis } from '../time/clock.js';
import { backendId, type Backend } from './backend.js';
import { byArrival } from './ring.js';

/**
 * The first-come queue: the head is the primary. A member that failed goes to the end at once, and
 * stays there until the state gives it a new place (a higher `order`), so that the data plane can act
 * before, and without, the owner of the state.
 */
export class FirstComeQueue {
  #members: readonly Backend[] = [];
  readonly #failed = new Map<
    string,
    { readonly order: number; readonly at: Millis; readonly turn: number }
  >();
  #turn = 0;

  set(members: readonly Backend[]): void {
    this.#members = members;
    const orders = new Map(members.map((member) => [backendId(member), member.order]));
    for (const [id, failure] of this.#failed) {
      if (orders.get(id) !== failure.order) this.#failed.delete(id);
    }
    this.#sort();
  }

  get members(): readonly Backend[] {
    return this.#members;
  }

  get primary(): Backend | undefined {
    return this.#members[0];
  }

  /** Sends a member to the end; false when it is not one or is the only one. */
  fail(backend: Backend, at: Millis): boolean {
    const id = backendId(backend);
    const member = this.#members.find((each) => backendId(each) === id);
    if (!member || this.#members.length < 2) return false;
    this.#failed.set(id, { order: member.order, at, turn: this.#turn++ });
    this.#sort();
    return true;
  }

  #sort(): void {
    this.#members = [...this.#members].sort((a, b) => {
      const failedA = this.#failed.get(backendId(a));
      const failedB = this.#failed.get(backendId(b));
      if (failedA && failedB) return failedA.turn - failedB.turn;
      if (failedA || failedB) return failedA ? 1 : -1;
      return byArrival(a, b);
    });
  }
}
