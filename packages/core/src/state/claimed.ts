import { ownerOf } from '../services/owner.js';
import type { Records } from './records.js';

/** The kinds of record that say whose a number is. */
export type ClaimKind = 'port' | 'int_port';

const NONE: ReadonlySet<number> = new Set();

/**
 * The numbers that each owner has, kept in step record by record: to look through thousands of claims took
 * most of a provision's time.
 */
export class ClaimedNumbers {
  readonly #numbers = new Map<string, Set<number>>();

  of(kind: ClaimKind, owner: string): ReadonlySet<number> {
    return this.#numbers.get(`${kind} ${owner}`) ?? NONE;
  }

  /** A claim comes, goes, or is replaced by one of the same owner and number. */
  change(
    kind: ClaimKind,
    before: Records[ClaimKind] | undefined,
    after: Records[ClaimKind] | undefined,
  ): void {
    if (before) this.#numbers.get(`${kind} ${ownerOf(before)}`)?.delete(before.port);
    if (!after) return;
    const key = `${kind} ${ownerOf(after)}`;
    const known = this.#numbers.get(key) ?? new Set();
    this.#numbers.set(key, known.add(after.port));
  }
}
