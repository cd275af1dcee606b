/** Several values under one key; an empty key takes no room. */
export class MultiMap<K, V> {
  readonly #sets = new Map<K, Set<V>>();

  add(key: K, value: V): void {
    const set = this.#sets.get(key);
    if (set) set.add(value);
    else this.#sets.set(key, new Set([value]));
  }

  delete(key: K, value: V): void {
    const set = this.#sets.get(key);
    if (!set?.delete(value)) return;
    if (set.size === 0) this.#sets.delete(key);
  }

  /** A copy, so that what it lists may be removed while it is gone through. */
  get(key: K): V[] {
    return [...(this.#sets.get(key) ?? [])];
  }
}
