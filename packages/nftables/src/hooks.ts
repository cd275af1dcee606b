import { hex, MARK, MASK } from './mark.js';
import { COUNT } from './service.js';

/** The sets in which the kernel notes who is not there, for IPv4 and for IPv6. */
export const UNREACHABLE = ['unreachable4', 'unreachable6'] as const;

/** How long that is remembered: until it has surely been looked at. */
const REMEMBERED = '3s';

/** The part of the table that is the same whatever there is to forward. `bindHost` as the connector has it. */
export function hooks(bindHost: string): string[] {
  return [...forwarding(bindHost), ...errors()];
}

function forwarding(bindHost: string): string[] {
  const listener = 'meta l4proto . th dport';
  const ofFamily = `meta nfproto . ${listener}`;
  const ours = destinedForUs(bindHost);
  return [
    '  chain forward {',
    // Nobody forwards what a link-local address has sent: the relay serves it.
    '    ip6 saddr fe80::/10 return',
    `    ${ofFamily} vmap @services`,
    `    ct mark set ${ofFamily} map @marks ${COUNT}`,
    `    dnat ip to ${listener} . ct mark map @targets4`,
    `    dnat ip6 to ${listener} . ct mark map @targets6`,
    '  }',
    '  chain prerouting {',
    '    type nat hook prerouting priority dstnat; policy accept;',
    `    ${ours} goto forward`,
    '  }',
    '  chain output {',
    '    type nat hook output priority -100; policy accept;',
    // What goes to loopback cannot leave this machine: the relay serves it.
    '    ip daddr 127.0.0.0/8 return',
    '    ip6 daddr ::1 return',
    `    ${ours} goto forward`,
    '  }',
    '  chain postrouting {',
    '    type nat hook postrouting priority srcnat; policy accept;',
    `    ct mark & ${hex(MASK.one)} == ${hex(MARK.masqueraded)} ct status dnat masquerade`,
    '  }',
  ];
}

function destinedForUs(bindHost: string): string {
  if (bindHost === '0.0.0.0' || bindHost === '::') return 'fib daddr type local';
  return `${bindHost.includes(':') ? 'ip6' : 'ip'} daddr ${bindHost}`;
}

/** ICMP errors of forwarded datagrams reach the client; that a backend is gone, nobody else would learn. */
function errors(): string[] {
  const gone = [
    'icmp type destination-unreachable icmp code',
    'icmpv6 type destination-unreachable icmpv6 code',
  ];
  const families = ['ip', 'ip6'];
  return [
    ...UNREACHABLE.flatMap((set, at) => [
      `  set ${set} {`,
      `    type ${at === 0 ? 'ipv4_addr' : 'ipv6_addr'} . inet_service`,
      `    flags dynamic,timeout; timeout ${REMEMBERED}; size 4096`,
      '  }',
    ]),
    '  chain errors {',
    '    type filter hook prerouting priority -150; policy accept;',
    ...UNREACHABLE.map(
      (set, at) =>
        `    ${gone[at] ?? ''} port-unreachable ct mark & ${hex(MASK.either)} == ${hex(MARK.masqueraded)} ` +
        `update @${set} { ct reply ${families[at] ?? ''} saddr . ct reply proto-src }`,
    ),
    '  }',
  ];
}
