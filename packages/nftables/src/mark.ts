/**
 * The marks of the connections that are ours, those to be masqueraded and those not to be. The lowest bits
 * say which target's turn it is.
 */
export const MARK = { masqueraded: 0x48524000, preserved: 0x48525000 } as const;

/** A connection's mark, under these: one of the two, and either of them. */
export const MASK = { one: 0xfffff000, either: 0xffffe000 } as const;

/** True for the mark of a connection that our rules have led to a backend. */
export function isOurs(mark: number): boolean {
  return (mark & MASK.either) === MARK.masqueraded;
}

/** As nft writes marks. */
export function hex(mark: number): string {
  return `0x${mark.toString(16)}`;
}
