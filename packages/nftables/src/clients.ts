import type { RoutePolicy } from '@harbor/core';
import { BlockList, isIPv6 } from 'node:net';

/** A list for each family: in a common one `::/0` would hold every IPv4 address, too. */
type Blocks = Readonly<Record<'ipv4' | 'ipv6', BlockList>>;

/** Who may come in by a route's rules: nobody on the deny list; with an allow list only who is on it. */
export function admission({ allow = [], deny = [] }: RoutePolicy): (host: string) => boolean {
  const [allowed, denied] = [blocksOf(allow), blocksOf(deny)];
  return (host) => {
    const family = isIPv6(host) ? 'ipv6' : 'ipv4';
    if (denied[family].check(host, family)) return false;
    return allow.length === 0 || allowed[family].check(host, family);
  };
}

function blocksOf(cidrs: readonly string[]): Blocks {
  const blocks = { ipv4: new BlockList(), ipv6: new BlockList() };
  for (const cidr of cidrs) {
    const [network = '', prefix = ''] = cidr.split('/');
    const family = isIPv6(network) ? 'ipv6' : 'ipv4';
    blocks[family].addSubnet(network, Number(prefix), family);
  }
  return blocks;
}
