import { routeKey, type RouteKey, type Transport } from '@harbor/core';
import type { Run } from './command.js';
import { SERVED, TABLE } from './service.js';

/** As `nft -j list set` prints it (man 5 libnftables-json), as far as it matters here. */
interface ListedSet {
  readonly nftables: readonly {
    readonly set?: {
      readonly elem?: readonly {
        readonly elem: {
          readonly val: { readonly concat: readonly [Transport, number] };
          readonly counter: { readonly packets: number };
        };
      }[];
    };
  }[];
}

/**
 * How many connections the kernel has forwarded, by listener. Its own counters end with their rules; what
 * they had counted is kept here. The nat hooks see the first packet of a connection only: there are no bytes.
 */
export class ConnectionCounters {
  readonly #kept = new Map<RouteKey, number>();

  constructor(readonly run: Run) {}

  /** What the kernel's counters say now; a counter, or a whole table, that is not there says nothing. */
  async read(keys: readonly RouteKey[] | 'all'): Promise<ReadonlyMap<RouteKey, number>> {
    if (keys.length === 0) return new Map();
    const listed = await this.#list();
    return new Map(keys === 'all' ? listed : listed.filter(([key]) => keys.includes(key)));
  }

  /** What was read of counters that are gone now. */
  keep(counted: ReadonlyMap<RouteKey, number>): void {
    for (const [key, packets] of counted) this.#kept.set(key, (this.#kept.get(key) ?? 0) + packets);
  }

  /** The listener is gone: who gets its port next begins at nought. */
  forget(key: RouteKey): void {
    this.#kept.delete(key);
  }

  /** Connections that the kernel has forwarded since its rules were first made. */
  async total(key: RouteKey): Promise<number> {
    const now = await this.read([key]);
    return (this.#kept.get(key) ?? 0) + (now.get(key) ?? 0);
  }

  async #list(): Promise<[RouteKey, number][]> {
    const list = ['-j', 'list', 'set', ...TABLE.split(' '), SERVED];
    const text = await this.run('nft', list).catch(() => '{"nftables":[]}');
    return (JSON.parse(text) as ListedSet).nftables.flatMap(({ set }) =>
      (set?.elem ?? []).map(({ elem: { val, counter } }): [RouteKey, number] => [
        routeKey(...val.concat),
        counter.packets,
      ]),
    );
  }
}
