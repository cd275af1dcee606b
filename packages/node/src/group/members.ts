import {
  asHarborError,
  commonRange,
  formatPortRange,
  HarborError,
  Membership,
  parsePortRange,
  type Clock,
  type Member,
  type Millis,
  type NodeAddresses,
  type Owned,
  type Replica,
} from '@harbor/core';
import type { Follower, Store } from '@harbor/store';

/** How often a member renews its record, ms. */
const RENEW_EVERY: Millis = 3_000;
/** A member not heard of for this long is removed by the others, ms. */
export const LOST_AFTER: Millis = 10_000;

export interface MembersOptions {
  readonly node: string;
  /** Unset: the node stands alone, and nothing here does anything. */
  readonly group?: string | undefined;
  readonly portRange: () => string;
  readonly addresses: () => NodeAddresses;
  readonly store: Pick<Store, 'commit'>;
  readonly follower: () => Pick<Follower, 'replica' | 'caughtUp'>;
  readonly clock: Clock;
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void };
  /** It is a member again, after the others had given it up: what it knows may be of yesterday. */
  readonly onReturn: () => void;
  /** From now on it is the member that writes the backends of the group. */
  readonly onWriter: () => void;
}

/**
 * The live members of this node's group. Who has a record lives: each renews its own, and whoever has not seen
 * a renewal of another's for a while removes it, so that all agree on who is there by what Redis says. The
 * lowest id of them writes the backends.
 */
export class Members {
  readonly membership: Membership;
  /** When a record was last seen to change. */
  readonly #heard = new Map<string, Millis>();
  #joined = false;
  #writer = false;
  #before = false;
  #beat = 0;
  #renewed: Millis = 0;
  #stopped = false;
  /** The ranges of the members have nothing in common. */
  #apart = false;
  #cancel: () => void = () => undefined;

  constructor(readonly options: MembersOptions) {
    this.membership = new Membership(options.node, options.group);
  }

  /** The nodes that live, sorted; alone without a group. */
  ids(): string[] {
    return [...new Set([this.options.node, ...this.#records().map(({ node }) => node)])].sort();
  }

  /** The ports of the group: what the ranges of its members have in common. */
  range(): string {
    const own = this.options.portRange();
    const common = this.#common();
    return common && this.#others().length > 0 ? formatPortRange(common) : own;
  }

  /** The range of this node has changed: it tells the others at its next renewal, and what comes of it at once. */
  rangeChanged(): void {
    this.#judgeRange();
  }

  /** Where a member is reached; this node's addresses where it is none. */
  addressesOf(node: string): NodeAddresses {
    return this.#others().find((member) => member.node === node)?.addresses ?? this.options.addresses();
  }

  /** True where an address is another member's. */
  hasAddress(host: string): boolean {
    return this.#others().some(({ addresses }) => addresses.host === host || addresses.extHost === host);
  }

  /** True where this node writes the backends of what it serves: its own, or it is who writes its group's. */
  writes(service: Owned | undefined): boolean {
    if (this.membership.group === undefined) return true;
    return (service !== undefined && this.membership.isAlone(service)) || this.#writer;
  }

  /** True of what a node made that is no member any more, for one of those that are left: who writes. */
  inherits(service: Owned): boolean {
    const { group } = this.membership;
    return (
      group !== undefined && service.group === group && this.#writer && !this.ids().includes(service.node)
    );
  }

  /** Joins the group. Errors: HARBOR_CONFIG_INVALID where it has no port in common with it; those of Redis. */
  async join(): Promise<void> {
    if (this.membership.group === undefined) return;
    const ranges = Object.values(this.#ranges());
    if (!this.#common()) {
      const message = `harbor_node port_range ${ranges[0] ?? ''} has no port in common with the group ${this.membership.group}`;
      throw new HarborError('HARBOR_CONFIG_INVALID', message, {
        details: {
          problems: [
            { key: 'harbor_node.port_range', value: ranges[0], allowed: ranges.slice(1).join(', ') },
          ],
        },
      });
    }
    await this.#renew();
    this.#schedule();
  }

  /** Leaves it, so that nobody waits for this node. */
  async leave(): Promise<void> {
    this.#stopped = true;
    this.#cancel();
    if (!this.#joined) return;
    this.#joined = false;
    const { node, store } = this.options;
    const write = [{ kind: 'member', id: node, value: undefined } as const];
    // Without Redis the others find out by themselves.
    await store.commit({ expect: [], write }).catch(() => undefined);
  }

  /** Everything may be different: everybody has a whole lease anew. */
  reset(): void {
    this.#hearAll();
    const { node } = this.options;
    if (this.#joined && !this.#replica.get('member', node)) this.#lost();
    this.#judge();
  }

  /** A member's record has changed. */
  changed(node: string, present: boolean): void {
    if (present) this.#heard.set(node, this.options.clock.now());
    else this.#heard.delete(node);
    if (!present && node === this.options.node && this.#joined) this.#lost();
    this.#judge();
  }

  #lost(): void {
    const { node, log } = this.options;
    this.#joined = false;
    log.warn({ event: 'member_lost', node }, 'the others of the group have given this node up');
    if (!this.#stopped) void this.#tick();
  }

  #hearAll(): void {
    this.#heard.clear();
    for (const { node } of this.#records()) this.#heard.set(node, this.options.clock.now());
  }

  get #replica(): Replica {
    return this.options.follower().replica;
  }

  #records(): Member[] {
    const { group } = this.membership;
    return group === undefined ? [] : [...this.#replica.all('member')].filter((each) => each.group === group);
  }

  #others(): Member[] {
    return this.#records().filter(({ node }) => node !== this.options.node);
  }

  /** Each member's range, this node's own first and as it is now. */
  #ranges(): Record<string, string> {
    const others = this.#others().map(({ node, range }) => [node, range]);
    return { [this.options.node]: this.options.portRange(), ...(Object.fromEntries(others) as object) };
  }

  #common(): ReturnType<typeof commonRange> {
    return commonRange(Object.values(this.#ranges()).flatMap((range) => parsePortRange(range) ?? []));
  }

  /** Says once that the members have no port in common any more, and once that they have again. */
  #judgeRange(): void {
    const apart = this.#joined && !this.#common();
    if (apart === this.#apart) return;
    this.#apart = apart;
    if (!this.#joined) return;
    const ranges = this.#ranges();
    const { log } = this.options;
    if (!apart)
      log.info(
        { event: 'group_range_common', ranges },
        `the group has ports in common again: ${this.range()}`,
      );
    else
      log.warn(
        { event: 'group_range_apart', ranges },
        'the port_range of the members of this group have no port in common: each gives out ports of its own range, ' +
          'and one that is started anew is refused; ports that are provisioned stay',
      );
  }

  #schedule(): void {
    this.#cancel();
    if (this.#stopped) return;
    this.#cancel = this.options.clock.schedule(
      RENEW_EVERY,
      () => void this.#tick().finally(() => this.#schedule()),
    );
  }

  async #tick(): Promise<void> {
    try {
      await this.#renew();
      await this.#removeLost();
    } catch (thrown) {
      // While Redis is away nobody can renew; when it is back everybody has a whole lease.
      const { code, message } = asHarborError(thrown);
      this.options.log.warn({ event: 'member_not_renewed', code }, message);
    }
  }

  async #renew(): Promise<void> {
    const { node, store, portRange, addresses } = this.options;
    const { group } = this.membership;
    if (group === undefined) return;
    const id = node;
    const revision = this.#replica.revisionOf('member', id);
    const value: Member = { node, group, range: portRange(), addresses: addresses(), beat: ++this.#beat };
    const stand = revision === undefined ? ({ is: 'absent' } as const) : ({ is: 'at', revision } as const);
    const expect = [{ kind: 'member', id, ...stand } as const];
    const result = await store.commit({ expect, write: [{ kind: 'member', id, value }] });
    if (!result.done || this.#stopped) return;
    const now = this.options.clock.now();
    // Redis, or this process, stood still: then the others could not be heard either.
    if (now - this.#renewed > 2 * RENEW_EVERY) this.#hearAll();
    this.#renewed = now;
    await this.options.follower().caughtUp(result.revision);
    if (this.#joined) return;
    if (this.#before) this.options.onReturn();
    this.#joined = true;
    this.#before = true;
    this.options.log.info({ event: 'member_joined', group, members: this.ids() }, 'a member of its group');
    this.#judge();
  }

  async #removeLost(): Promise<void> {
    const { clock, store, log } = this.options;
    for (const { node: id } of this.#others()) {
      const revision = this.#replica.revisionOf('member', id);
      const heard = this.#heard.get(id) ?? clock.now();
      this.#heard.set(id, heard);
      if (clock.now() - heard < LOST_AFTER || revision === undefined) continue;
      const result = await store.commit({
        expect: [{ kind: 'member', id, is: 'at', revision }],
        write: [{ kind: 'member', id, value: undefined }],
      });
      if (result.done)
        log.warn({ event: 'member_removed', node: id }, 'a member of the group is not heard of');
    }
  }

  #judge(): void {
    this.#judgeRange();
    const lowest = this.#records()
      .map(({ node }) => node)
      .sort()[0];
    const writer = this.#joined && lowest === this.options.node;
    const becomes = writer && !this.#writer;
    this.#writer = writer;
    if (!becomes) return;
    this.options.log.info({ event: 'group_writer' }, 'writes the backends of its group');
    this.options.onWriter();
  }
}
