/** What belongs to a node, or to all nodes of a group. */
export interface Owned {
  readonly node: string;
  /** The nodes that serve it together; absent where the node stands alone. */
  readonly group?: string;
}

/**
 * Whose a service's numbers are: its group's, or its node's where that stands alone. No node is called as a
 * group is here, so that a group may have the name of a node.
 */
export function ownerOf({ node, group }: Owned): string {
  return group === undefined ? node : `@${group}`;
}

/** The two fields of something that belongs to somebody. */
export function ownedBy({ node, group }: Owned): Owned {
  return { node, ...(group === undefined ? {} : { group }) };
}

/** The same as somebody else's. */
export function givenTo<T extends Owned>(one: T, { node, group }: Owned): T {
  const given: T & { group?: string } = { ...one, node };
  delete given.group;
  return group === undefined ? given : { ...given, group };
}

/** A node, and the group it serves with others. */
export class Membership {
  constructor(
    readonly node: string,
    readonly group?: string,
  ) {}

  /** What this node makes now has these two fields. */
  get fields(): Owned {
    return { node: this.node, ...(this.group === undefined ? {} : { group: this.group }) };
  }

  /** Who owns it. */
  get owner(): string {
    return ownerOf(this.fields);
  }

  /** True for what this node serves: what is its group's, and what is its own from a time without one. */
  owns(record: Owned | undefined): boolean {
    if (record === undefined) return false;
    const owner = ownerOf(record);
    return owner === this.owner || owner === this.node;
  }

  /** True for what the node serves by itself, whoever else is in its group. */
  isAlone(record: Owned): boolean {
    return ownerOf(record) === this.node;
  }
}
