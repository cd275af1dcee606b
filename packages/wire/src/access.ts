import type { RoutePolicy } from '@harbor/core';
import { BlockList, isIPv6 } from 'node:net';

/**
 * Decides who may come in by a route's rules: nobody on the deny list; with an allow list only who is on it.
 * Their blocks are written as `cidr` gives them.
 */
export class Access {
  readonly #allow: Blocks | undefined;
  readonly #deny: Blocks | undefined;

  constructor({ allow, deny }: RoutePolicy) {
    this.#allow = allow && allow.length > 0 ? blocksOf(allow) : undefined;
    this.#deny = deny && deny.length > 0 ? blocksOf(deny) : undefined;
  }

  /** True where everybody may come in. */
  get open(): boolean {
    return !this.#allow && !this.#deny;
  }

  /** `address` as people write it: an IPv4 client as IPv4, without an interface. */
  admits(address: string): boolean {
    if (this.open) return true;
    const family = isIPv6(address) ? 'ipv6' : 'ipv4';
    if (this.#deny?.[family].check(address, family)) return false;
    return this.#allow ? this.#allow[family].check(address, family) : true;
  }
}

/** A list for each family: in a common one `::/0` would hold every IPv4 address, and the other way round. */
type Blocks = Readonly<Record<'ipv4' | 'ipv6', BlockList>>;

function blocksOf(cidrs: readonly string[]): Blocks {
  const blocks = { ipv4: new BlockList(), ipv6: new BlockList() };
  for (const cidr of cidrs) {
    const [network = '', prefix = ''] = cidr.split('/');
    const family = isIPv6(network) ? 'ipv6' : 'ipv4';
    blocks[family].addSubnet(network, Number(prefix), family);
  }
  return blocks;
}
