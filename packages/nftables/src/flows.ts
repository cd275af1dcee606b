import type { Address, Transport } from '@harbor/core';
import type { Run } from './command.js';
import { TABLE, UNREACHABLE } from './render.js';

/** Which of the kernel's connections are meant: those to one port, or those that one backend answers. */
export interface FlowFilter {
  readonly transport: Transport;
  /** The port clients connected to. */
  readonly port: number;
  readonly backend?: Address;
}

/**
 * Ends connections that the kernel keeps for us (man 8 conntrack): a UDP client's next datagram finds the
 * new primary, a TCP connection to a backend that has left ends. None there is no failure.
 */
export async function endFlows(run: Run, { transport, port, backend }: FlowFilter): Promise<void> {
  const towards = backend ? ['--reply-src', backend.host, '--reply-port-src', String(backend.port)] : [];
  const families = backend ? [backend.host.includes(':') ? 'ipv6' : 'ipv4'] : ['ipv4', 'ipv6'];
  for (const family of families) {
    const args = ['-D', '-f', family, '-p', transport, '--orig-port-dst', String(port), ...towards];
    await run('conntrack', args).catch((error: unknown) => {
      if (!String(error).includes('0 flow entries')) throw error;
    });
  }
}

/** As `nft -j list set` prints it (man 5 libnftables-json), as far as it matters here. */
interface ListedSets {
  readonly nftables: readonly {
    readonly set?: {
      readonly elem?: readonly { readonly elem: { readonly val: { readonly concat: [string, number] } } }[];
    };
  }[];
}

/**
 * The backends whose hosts have said of late that nobody is there, as `host port`: the kernel notes the ICMP
 * errors of the connections it forwards in two sets of our table.
 */
export async function unreachableBackends(run: Run): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for (const set of UNREACHABLE) {
    const text = await run('nft', ['-j', 'list', 'set', ...TABLE.split(' '), set]);
    for (const { set: listed } of (JSON.parse(text) as ListedSets).nftables)
      for (const { elem } of listed?.elem ?? []) found.add(elem.val.concat.join(' '));
  }
  return found;
}
