import { formatAddress } from '@harbor/core';
import type { KernelRule } from './rule.js';

/** The one table that is ours. */
export const TABLE = 'inet harbor';

/**
 * The marks of the connections that are ours, those to be masqueraded and those not to be. The lowest bits
 * say which target's turn it is: a mark costs less than the map of targets that nft would make for each rule,
 * for it looks at all maps of the machine before every change.
 */
export const MARK = { masqueraded: 0x48524000, preserved: 0x48525000 } as const;
const ONE_OF_THEM = 0xfffff000;
const EITHER = 0xffffe000;

/** True for the mark of a connection that our rules have led to a backend. */
export function isOurs(mark: number): boolean {
  return (mark & EITHER) === MARK.masqueraded;
}

/** The sets in which the kernel notes who is not there, for IPv4 and for IPv6. */
export const UNREACHABLE = ['unreachable4', 'unreachable6'] as const;

/** The set that counts the connections of each listener. Single counters nft would all read before each change. */
export const SERVED = 'served';

/** How long that is remembered: until it has surely been looked at. */
const REMEMBERED = '3s';

/**
 * The whole table, in place of whatever stands there, as one transaction of `nft -f` (man 8 nft). The same
 * rules give the same text, whatever their order. `bindHost` as the connector has it.
 */
export function renderTable(rules: Iterable<KernelRule>, bindHost: string): string {
  const sorted = [...rules].sort((a, b) => (a.key < b.key ? -1 : 1));
  const elements = sorted.map((rule) => `      ${elementOf(rule)}`).join(',\n');
  return [
    `table ${TABLE}`,
    `delete table ${TABLE}`,
    `table ${TABLE} {`,
    '  map services {',
    '    type inet_proto . inet_service : verdict',
    ...(sorted.length > 0 ? ['    elements = {', elements, '    }'] : []),
    '  }',
    `  set ${SERVED} {`,
    '    type inet_proto . inet_service',
    `    size ${2 * 0x10000}`,
    '    flags dynamic',
    '    counter',
    ...(sorted.length > 0 ? [`    elements = { ${sorted.map(keyOf).join(', ')} }`] : []),
    '  }',
    ...sorted.flatMap((rule) => [
      `  chain ${chainOf(rule)} {`,
      ...statements(rule).map((each) => `    ${each}`),
      '  }',
    ]),
    ...errorChain(),
    ...baseChains(bindHost),
    '}',
    '',
  ].join('\n');
}

/** What turns `before` into `after`, as one small transaction; undefined where nothing differs. */
export function renderChange(before: KernelRule | undefined, after: KernelRule | undefined): string[] {
  const chain = chainOf(after ?? before);
  if (!after) {
    if (!before) return [];
    return [
      `delete element ${TABLE} services { ${keyOf(before)} }`,
      `flush chain ${TABLE} ${chain}`,
      `delete chain ${TABLE} ${chain}`,
      `delete element ${TABLE} ${SERVED} { ${keyOf(before)} }`,
    ];
  }
  const body = statements(after).map((each) => `add rule ${TABLE} ${chain} ${each}`);
  if (before) {
    const same = statements(before).join('\n') === statements(after).join('\n');
    return same ? [] : [`flush chain ${TABLE} ${chain}`, ...body];
  }
  return [
    `add element ${TABLE} ${SERVED} { ${keyOf(after)} }`,
    `add chain ${TABLE} ${chain}`,
    ...body,
    `add element ${TABLE} services { ${elementOf(after)} }`,
  ];
}

function statements(rule: KernelRule): string[] {
  const { family, transport, deny, allow, maxConnections, masquerade, targets } = rule;
  const mark = masquerade ? MARK.masqueraded : MARK.preserved;
  const turn = targets.length > 1 ? `numgen inc mod ${targets.length} offset ${hex(mark)}` : hex(mark);
  return [
    `meta nfproto != ${family === 'ip' ? 'ipv4' : 'ipv6'} return`,
    ...(deny.length > 0 ? [`${family} saddr { ${[...deny].sort().join(', ')} } return`] : []),
    ...(allow.length > 0 ? [`${family} saddr != { ${[...allow].sort().join(', ')} } return`] : []),
    // The relay counts only its own: it would take as many again.
    ...(maxConnections > 0 ? [`meta l4proto tcp ct count over ${maxConnections} reject with tcp reset`] : []),
    `add @${SERVED} { meta l4proto . th dport }`,
    `ct mark set ${turn}`,
    ...targets.map(
      (target, at) =>
        `meta l4proto ${transport} ct mark ${hex(mark + at)} dnat ${family} to ${formatAddress(target)}`,
    ),
  ];
}

/** ICMP errors of forwarded datagrams reach the client; that a backend is gone, nobody else would learn. */
function errorChain(): string[] {
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
        `    ${gone[at] ?? ''} port-unreachable ct mark & ${hex(EITHER)} == ${hex(MARK.masqueraded)} ` +
        `update @${set} { ct reply ${families[at] ?? ''} saddr . ct reply proto-src }`,
    ),
    '  }',
  ];
}

function baseChains(bindHost: string): string[] {
  const dispatch = 'meta l4proto . th dport vmap @services';
  const ours = destinedForUs(bindHost);
  return [
    '  chain prerouting {',
    '    type nat hook prerouting priority dstnat; policy accept;',
    `    ${ours} ${dispatch}`,
    '  }',
    '  chain output {',
    '    type nat hook output priority -100; policy accept;',
    // What goes to loopback cannot leave this machine: the relay serves it.
    '    ip daddr 127.0.0.0/8 return',
    '    ip6 daddr ::1 return',
    `    ${ours} ${dispatch}`,
    '  }',
    '  chain postrouting {',
    '    type nat hook postrouting priority srcnat; policy accept;',
    `    ct mark & ${hex(ONE_OF_THEM)} == ${hex(MARK.masqueraded)} ct status dnat masquerade`,
    '  }',
  ];
}

function destinedForUs(bindHost: string): string {
  if (bindHost === '0.0.0.0' || bindHost === '::') return 'fib daddr type local';
  return `${bindHost.includes(':') ? 'ip6' : 'ip'} daddr ${bindHost}`;
}

function keyOf({ transport, port }: KernelRule): string {
  return `${transport} . ${port}`;
}

function elementOf(rule: KernelRule): string {
  return `${keyOf(rule)} : goto ${chainOf(rule)}`;
}

function chainOf(rule: KernelRule | undefined): string {
  return rule ? `${rule.transport}_${rule.port}` : '';
}

function hex(mark: number): string {
  return `0x${mark.toString(16)}`;
}
