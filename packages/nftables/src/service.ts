import { hex, MARK } from './mark.js';
import type { KernelRule } from './rule.js';

/** The one table that is ours. */
export const TABLE = 'inet harbor';

/** The set that counts the connections of each listener. Single counters nft would all read before each change. */
export const SERVED = 'served';

/**
 * The set that counts the open connections of listeners that admit only so many. Its elements outlive the chains, so
 * that a change of a listener forgets nobody. The limit is in the key: an element keeps the one that it was made with.
 */
export const OPEN = 'open';

/** Counts a connection as forwarded; `services` and `marks` lead only those here that are. */
export const COUNT = `add @${SERVED} { meta l4proto . th dport }`;

/** An element of one of the table's sets and maps. */
export interface Element {
  readonly set: string;
  readonly key: string;
  /** What a map leads to. */
  readonly value?: string;
}

/**
 * What the table's sets and maps hold for a listener. That of one backend, open to everybody, is its mark and its
 * target; any other has a chain of its own, to which `services` leads, that finds out the mark. Elements cost the
 * kernel and nft far less than chains: nft reads the names of all chains before every change, and a rule that leads
 * somewhere makes the kernel look at all of them again.
 */
export function elementsOf(rule: KernelRule): Element[] {
  const { family, transport, port, targets } = rule;
  const listener = `${transport} . ${port}`;
  const ofFamily = `${family === 'ip' ? 'ipv4' : 'ipv6'} . ${listener}`;
  const mark = markOf(rule);
  return [
    { set: SERVED, key: listener },
    ...targets.map((target, at) => ({
      set: family === 'ip' ? 'targets4' : 'targets6',
      key: `${listener} . ${hex(mark + at)}`,
      value: `${target.host} . ${target.port}`,
    })),
    chainBody(rule)
      ? { set: 'services', key: ofFamily, value: `jump ${chainOf(rule)}` }
      : { set: 'marks', key: ofFamily, value: hex(mark) },
  ];
}

/** The name of the chain that a listener may need. */
export function chainOf({ transport, port }: KernelRule): string {
  return `${transport}_${port}`;
}

/** The statements of that chain; undefined where it needs none. Whom it sends back the relay gets. */
export function chainBody(rule: KernelRule): string[] | undefined {
  const { family, deny, allow, maxConnections, targets } = rule;
  const limited = `meta l4proto . th dport . ${hex(maxConnections)}`;
  const turnedAway = rule.transport === 'tcp' ? 'reject with tcp reset' : 'drop';
  const refusals = [
    ...(deny.length > 0 ? [`${family} saddr { ${[...deny].sort().join(', ')} } return`] : []),
    ...(allow.length > 0 ? [`${family} saddr != { ${[...allow].sort().join(', ')} } return`] : []),
    // The relay counts only its own: it would take as many again.
    ...(maxConnections > 0
      ? [`add @${OPEN} { ${limited} ct count over ${maxConnections} } ${turnedAway}`]
      : []),
  ];
  if (refusals.length === 0 && targets.length === 1) return undefined;
  const mark = hex(markOf(rule));
  const turn = targets.length > 1 ? `numgen inc mod ${targets.length} offset ${mark}` : mark;
  return [...refusals, COUNT, `ct mark set ${turn}`];
}

function markOf({ masquerade }: KernelRule): number {
  return masquerade ? MARK.masqueraded : MARK.preserved;
}
