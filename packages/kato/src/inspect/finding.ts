/** What a check found: `warn` can bite one day, `fail` keeps Harbor from working. */
export interface Finding {
  readonly check: string;
  readonly state: 'ok' | 'warn' | 'fail';
  /** What is so. */
  readonly found: string;
  /** What to do about it. */
  readonly remedy?: string;
}

/** A finding that is fine, or else not. */
export function judge(
  check: string,
  fine: boolean,
  found: string,
  otherwise: { readonly state: 'warn' | 'fail'; readonly remedy: string },
): Finding {
  return fine ? { check, state: 'ok', found } : { check, found, ...otherwise };
}
