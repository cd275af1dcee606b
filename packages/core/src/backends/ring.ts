import { backendId, type Backend } from './backend.js';

/** By instance number, then by arrival: the order in which round-robin serves (contract §3, TCP). */
export function byIndex(a: Backend, b: Backend): number {
  return (a.index ?? Number.MAX_SAFE_INTEGER) - (b.index ?? Number.MAX_SAFE_INTEGER) || byArrival(a, b);
}

/** First come, first served (contract §3, UDP). */
export function byArrival(a: Backend, b: Backend): number {
  if (a.order !== b.order) return a.order - b.order;
  const [left, right] = [backendId(a), backendId(b)];
  return left === right ? 0 : left < right ? -1 : 1;
}

/**
 * Exact round-robin over a changing set. The cursor remembers the last member served, not a position,
 * so that members who come and go never make another be served twice or passed over.
 */
export class Ring {
  #members: readonly Backend[] = [];
  #ids: ReadonlySet<string> = new Set();
  #last: Backend | undefined;
  /** Where the next turn begins: right after the last member served, wherever the set has moved since. */
  #at = 0;

  /** Replaces the members; they are kept sorted by instance number. */
  set(members: readonly Backend[]): void {
    this.#members = [...members].sort(byIndex);
    this.#ids = new Set(members.map(backendId));
    const last = this.#last;
    const after = last ? this.#members.findIndex((member) => byIndex(member, last) > 0) : 0;
    this.#at = Math.max(0, after);
  }

  has(id: string): boolean {
    return this.#ids.has(id);
  }

  get members(): readonly Backend[] {
    return this.#members;
  }

  /** The next member for which `usable` holds, once around; undefined when there is none. */
  next(usable: (backend: Backend) => boolean = () => true): Backend | undefined {
    const count = this.#members.length;
    for (let step = 0; step < count; step++) {
      const position = (this.#at + step) % count;
      const member = this.#members[position];
      if (member && usable(member)) {
        this.#last = member;
        this.#at = (position + 1) % count;
        return member;
      }
    }
    return undefined;
  }
}
