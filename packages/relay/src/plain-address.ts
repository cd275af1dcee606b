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
