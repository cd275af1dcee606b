import { hooks } from './hooks.js';
import type { KernelRule } from './rule.js';
import { chainBody, chainOf, elementsOf, OPEN, SERVED, TABLE, type Element } from './service.js';

/** The sets and maps that lead a connection to its backend, in the order of the way it takes. */
const SETS: Readonly<Record<string, readonly string[]>> = {
  [SERVED]: ['type inet_proto . inet_service', `size ${2 * 0x10000}`, 'flags dynamic', 'counter'],
  [OPEN]: ['type inet_proto . inet_service . mark', `size ${2 * 0x10000}`, 'flags dynamic'],
  services: ['type nf_proto . inet_proto . inet_service : verdict'],
  marks: ['type nf_proto . inet_proto . inet_service : mark'],
  targets4: ['type inet_proto . inet_service . mark : ipv4_addr . inet_service'],
  targets6: ['type inet_proto . inet_service . mark : ipv6_addr . inet_service'],
};

/**
 * The whole table, in place of whatever stands there, as one transaction of `nft -f` (man 8 nft). The same
 * rules give the same text, whatever their order. `bindHost` as the connector has it.
 */
export function renderTable(rules: Iterable<KernelRule>, bindHost: string): string {
  const sorted = [...rules].sort((a, b) => (a.key < b.key ? -1 : 1));
  const elements = sorted.flatMap(elementsOf);
  return [
    `table ${TABLE}`,
    `delete table ${TABLE}`,
    `table ${TABLE} {`,
    ...sorted.flatMap((rule) => {
      const body = chainBody(rule);
      return body ? [`  chain ${chainOf(rule)} {`, ...body.map((each) => `    ${each}`), '  }'] : [];
    }),
    ...Object.entries(SETS).flatMap(([name, properties]) => {
      const held = elements.filter(({ set }) => set === name).map((each) => `      ${written(each)}`);
      return [
        `  ${properties[0]?.includes(' : ') ? 'map' : 'set'} ${name} {`,
        ...properties.map((each) => `    ${each}`),
        ...(held.length > 0 ? ['    elements = {', held.join(',\n'), '    }'] : []),
        '  }',
      ];
    }),
    ...hooks(bindHost),
    '}',
    '',
  ].join('\n');
}

/** What turns `before` into `after`, as one small transaction; nothing where nothing differs. */
export function renderChange(before: KernelRule | undefined, after: KernelRule | undefined): string[] {
  const [had, has] = [before, after].map((rule) => (rule ? elementsOf(rule) : []));
  return [
    ...missingIn(has ?? [], had ?? []).map(({ set, key }) => `delete element ${TABLE} ${set} { ${key} }`),
    ...chainChange(before, after),
    ...missingIn(had ?? [], has ?? []).map((each) => `add element ${TABLE} ${each.set} { ${written(each)} }`),
  ];
}

/** The chain goes when nothing leads to it any more, and is there before anything does. */
function chainChange(before: KernelRule | undefined, after: KernelRule | undefined): string[] {
  const [had, has] = [before, after].map((rule) => rule && chainBody(rule));
  const rule = after ?? before;
  if (!rule || had?.join('\n') === has?.join('\n')) return [];
  const chain = `${TABLE} ${chainOf(rule)}`;
  return [
    had ? `flush chain ${chain}` : `add chain ${chain}`,
    ...(has ?? []).map((each) => `add rule ${chain} ${each}`),
    ...(has ? [] : [`delete chain ${chain}`]),
  ];
}

function missingIn(some: readonly Element[], others: readonly Element[]): Element[] {
  const known = new Set(some.map(identity));
  return others.filter((each) => !known.has(identity(each)));
}

function identity(each: Element): string {
  return `${each.set} ${written(each)}`;
}

function written({ key, value }: Element): string {
  return value === undefined ? key : `${key} : ${value}`;
}
