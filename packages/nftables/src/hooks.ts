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

/**
 * What a backend's host answers where nobody listens reaches the client; that it is gone, nobody else would learn.
 * A reset in answer to a SYN has the sequence number 0, one of an open connection has not (RFC 9293, 3.5.2).
 */
function errors(): string[] {
  const ours = `ct mark & ${hex(MASK.either)} == ${hex(MARK.masqueraded)}`;
  const refused = 'tcp flags rst,ack / fin,syn,rst,ack tcp sequence 0';
  const families = [
    { ip: 'ip', unreachable: 'icmp type destination-unreachable icmp code port-unreachable' },
    { ip: 'ip6', unreachable: 'icmpv6 type destination-unreachable icmpv6 code port-unreachable' },
  ];
  return [
    ...UNREACHABLE.flatMap((set, at) => [
      `  set ${set} {`,
      `    type inet_proto . ${at === 0 ? 'ipv4_addr' : 'ipv6_addr'} . inet_service`,
      `    flags dynamic,timeout; timeout ${REMEMBERED}; size 4096`,
      '  }',
    ]),
    '  chain errors {',
    '    type filter hook prerouting priority -150; policy accept;',
    ...families.flatMap(({ ip, unreachable }, at) => {
      const noted = `update @${UNREACHABLE[at] ?? ''} { ct protocol . ct reply ${ip} saddr . ct reply proto-src }`;
      return [
        `    ${unreachable} ${ours} ${noted}`,
        `    meta nfproto ${ip === 'ip' ? 'ipv4' : 'ipv6'} ${refused} ct direction reply ${ours} ${noted}`,
      ];
    }),
    '  }',
  ];
}
