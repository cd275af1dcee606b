import type { RoutePolicy } from '@harbor/core';
import { BlockList, isIPv6 } from 'node:net';

const MAPPED = '::ffff:';

/** The address as people write it: an IPv4 client on a dual-stack socket is an IPv4 client. */
export function plainAddress(address: string): string {
  return address.startsWith(MAPPED) && address.includes('.') ? address.slice(MAPPED.length) : address;
}

/** Decides who may come in: nobody on the deny list; with an allow list only who is on it. */
export class Access {
  readonly #allow: BlockList | undefined;
  readonly #deny: BlockList | undefined;

  constructor({ allow, deny }: RoutePolicy) {
    this.#allow = allow && allow.length > 0 ? listOf(allow) : undefined;
    this.#deny = deny && deny.length > 0 ? listOf(deny) : undefined;
  }

  /** `address` as plainAddress() gives it. */
  admits(address: string): boolean {
    if (!this.#allow && !this.#deny) return true;
    const family = isIPv6(address) ? 'ipv6' : 'ipv4';
    if (this.#deny?.check(address, family)) return false;
    return this.#allow ? this.#allow.check(address, family) : true;
  }
}

function listOf(cidrs: readonly string[]): BlockList {
  const list = new BlockList();
  for (const cidr of cidrs) {
    const [network = '', prefix = ''] = cidr.split('/');
    list.addSubnet(network, Number(prefix), isIPv6(network) ? 'ipv6' : 'ipv4');
  }
  return list;
}
