import type { RoutePolicy } from '@harbor/core';
import { BlockList, isIPv6 } from 'node:net';

const MAPPED = '::ffff:';

/**
 * The address as people write it: an IPv4 client on a dual-stack socket is an IPv4 client, and the interface
 * a link-local one came by (`%eth0`) is no part of its address.
 */
export function plainAddress(address: string): string {
  return address.startsWith(MAPPED) && address.includes('.')
    ? address.slice(MAPPED.length)
    : address.replace(/%.*$/, '');
}

/** Decides who may come in: nobody on the deny list; with an allow list only who is on it. */
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

  /** `address` as plainAddress() gives it. */
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
