import type { RouteKey } from '@harbor/core';
import type { Run } from './command.js';
import { renderChange, renderTable } from './render.js';
import type { KernelRule } from './rule.js';

/**
 * What the kernel has, and how it gets what it should have: small transactions as long as we know what is
 * there, the whole table anew where we do not.
 */
export class KernelTable {
  #current: Map<RouteKey, KernelRule> | undefined;

  constructor(
    readonly run: Run,
    readonly bindHost: string,
  ) {}

  /** What is forwarded by the kernel now, as far as we know. */
  get(key: RouteKey): KernelRule | undefined {
    return this.#current?.get(key);
  }

  get size(): number {
    return this.#current?.size ?? 0;
  }

  /** Somebody else changed the table, or a change failed: the next one writes all of it. */
  forget(): void {
    this.#current = undefined;
  }

  /** Writes the whole table in one transaction. */
  async replace(rules: ReadonlyMap<RouteKey, KernelRule>): Promise<void> {
    this.#current = undefined;
    await this.run('nft', ['-f', '-'], renderTable(rules.values(), this.bindHost));
    this.#current = new Map(rules);
  }

  /** Brings the keys given in line, in one transaction. Errors leave the table unknown. */
  async change(wanted: ReadonlyMap<RouteKey, KernelRule | undefined>): Promise<void> {
    const current = this.#current;
    if (!current) throw new Error('the table has to be written whole first');
    const lines = [...wanted].flatMap(([key, rule]) => renderChange(current.get(key), rule));
    if (lines.length > 0) {
      this.#current = undefined;
      await this.run('nft', ['-f', '-'], `${lines.join('\n')}\n`);
      this.#current = current;
    }
    for (const [key, rule] of wanted) {
      if (rule) current.set(key, rule);
      else current.delete(key);
    }
  }

  get known(): boolean {
    return this.#current !== undefined;
  }
}
