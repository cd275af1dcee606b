import type { RouteKey } from '@harbor/core';
import type { Run } from './command.js';
import { TABLE } from './render.js';

/** As `nft -j list counters` prints it (man 5 libnftables-json), as far as it matters here. */
interface ListedCounters {
  readonly nftables: readonly {
    readonly counter?: { readonly name: string; readonly packets: number };
  }[];
}

/** So many single counters are read faster all at once. */
const SINGLE = 8;

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
    const all = keys === 'all' || keys.length > SINGLE;
    const found = all
      ? [this.#list(['counters', 'table', ...TABLE.split(' ')])]
      : keys.map((key) => this.#list(['counter', ...TABLE.split(' '), key.replace('/', '_')]));
    const listed = (await Promise.all(found)).flat();
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

  async #list(what: readonly string[]): Promise<[RouteKey, number][]> {
    const text = await this.run('nft', ['-j', 'list', ...what]).catch(() => '{"nftables":[]}');
    return (JSON.parse(text) as ListedCounters).nftables.flatMap(({ counter }): [RouteKey, number][] =>
      counter ? [[counter.name.replace('_', '/') as RouteKey, counter.packets]] : [],
    );
  }
}
