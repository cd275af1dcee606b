import type { Transport } from '@harbor/core';
import type { Run } from './command.js';
import { LINKS, NETWORK } from './network.js';

/** A port of the machine that leads into an instance's network. */
export interface Forward {
  readonly transport: Transport;
  /** An address of this machine. */
  readonly host: string;
  readonly port: number;
  readonly to: { readonly host: string; readonly port: number };
}

/**
 * The table of one `harbor run`. Connections that come from other machines and from this one are led on by
 * one map. What comes from loopback bears the address of our end of the cable, or there were no way back;
 * what the instances ask of the world that of this machine, where it forwards at all.
 */
export function renderTable(table: string): string {
  // nft(8) knows the name dstnat in prerouting alone; -100 is what it means.
  const lead = 'dnat ip to ip daddr . meta l4proto . th dport map @ports';
  return `table ip ${table} {
  map ports { type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service; }
  chain prerouting { type nat hook prerouting priority dstnat; policy accept; ${lead}; }
  chain output { type nat hook output priority -100; policy accept; ${lead}; }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr ${NETWORK} oifname != "${LINKS}*" masquerade
    ip saddr 127.0.0.0/8 oifname "${LINKS}*" masquerade
  }
}
`;
}

/** The elements of the map for some forwards, or their keys alone. */
export function renderForwards(forwards: readonly Forward[], form: 'whole' | 'keys'): string {
  const all = forwards.map(({ host, transport, port, to }) => {
    const key = `${host} . ${transport} . ${port}`;
    return form === 'keys' ? key : `${key} : ${to.host} . ${to.port}`;
  });
  return `{ ${all.join(', ')} }`;
}

/** Leads ports of this machine into instances, in a table of its own. */
export class Forwarding {
  constructor(
    readonly run: Run,
    readonly table: string,
  ) {}

  async open(): Promise<void> {
    await this.run('nft', ['-f', '-'], renderTable(this.table));
  }

  async add(forwards: readonly Forward[]): Promise<void> {
    if (forwards.length === 0) return;
    const elements = renderForwards(forwards, 'whole');
    await this.run('nft', ['-f', '-'], `add element ip ${this.table} ports ${elements}\n`);
  }

  async remove(forwards: readonly Forward[]): Promise<void> {
    if (forwards.length === 0) return;
    const elements = renderForwards(forwards, 'keys');
    await this.run('nft', ['-f', '-'], `delete element ip ${this.table} ports ${elements}\n`);
  }

  async close(): Promise<void> {
    await this.run('nft', ['delete', 'table', 'ip', this.table]);
  }
}
