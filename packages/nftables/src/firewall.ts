import type { Run } from './command.js';
import { hex, MARK, MASK } from './mark.js';
import type { Family } from './rule.js';

/** As `nft -j list chains` prints it (man 5 libnftables-json), as far as it matters here. */
interface ListedChains {
  readonly nftables: readonly { readonly chain?: ListedChain }[];
}

interface ListedChain {
  readonly family: string;
  readonly table: string;
  readonly name: string;
  readonly hook?: string;
  readonly policy?: string;
}

/** The families whose forwarded packets other people's rules drop, each with the command that lets ours pass. */
export type Blocked = Readonly<Partial<Record<Family, string>>>;

/** What lets our connections pass: a rule that knows our mark, or one for whatever is led to another address. */
const PASSES = new RegExp(`${hex(MARK.masqueraded)}|ct status dnat .*accept`);

/**
 * Looks for chains of others that drop what they do not know of the packets that are forwarded, as Docker's and
 * ufw's do. No rule of ours could let a packet pass that another table drops, and theirs we do not touch.
 */
export async function blockedBy(run: Run): Promise<Blocked> {
  const { nftables } = JSON.parse(await run('nft', ['-j', 'list', 'chains'])) as ListedChains;
  const blocked: Partial<Record<Family, string>> = {};
  for (const { chain } of nftables) {
    if (chain?.hook !== 'forward' || chain.policy !== 'drop') continue;
    const families = (['ip', 'ip6'] as const).filter((family) => [family, 'inet'].includes(chain.family));
    if (families.length === 0) continue;
    if (PASSES.test(await run('nft', ['list', 'table', chain.family, chain.table]))) continue;
    for (const family of families) blocked[family] ??= reason(chain);
  }
  return blocked;
}

function reason(chain: ListedChain): string {
  const name = `${chain.family} ${chain.table} ${chain.name}`;
  return `the firewall (chain ${name}) drops what is forwarded; as root run: ${command(chain, name)}`;
}

/** A rule that nft puts among those of iptables-nft keeps iptables from reading them. */
function command({ family, table, name }: ListedChain, chain: string): string {
  const [mark, mask] = [hex(MARK.masqueraded), hex(MASK.either)];
  if (family !== 'inet' && table === 'filter' && name === 'FORWARD') {
    const program = family === 'ip' ? 'iptables' : 'ip6tables';
    return `${program} -I FORWARD -m connmark --mark ${mark}/${mask} -j ACCEPT`;
  }
  return `nft insert rule ${chain} ct mark and ${mask} == ${mark} accept`;
}
