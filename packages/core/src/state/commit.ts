import type { Kind, Records } from './records.js';

/** What must hold for a commit to happen. */
export type Expectation = { readonly kind: Kind; readonly id: string } & (
  { readonly is: 'absent' | 'present' } | { readonly is: 'at'; readonly revision: number }
);

/** A record to write, or to delete where `value` is undefined. */
export type Write = {
  readonly [K in Kind]: { readonly kind: K; readonly id: string; readonly value: Records[K] | undefined };
}[Kind];

/** An atomic change of the shared state: all of it, or nothing where an expectation does not hold. */
export interface Commit {
  readonly expect: readonly Expectation[];
  readonly write: readonly Write[];
}

/** The revision the commit made, or the expectation that did not hold. */
export type CommitResult =
  { readonly done: true; readonly revision: number } | { readonly done: false; readonly unmet: Expectation };

/** A record and the revision that last wrote it. */
export interface Versioned<T> {
  readonly value: T;
  readonly revision: number;
}
