/** Ports in the order in which they are to be tried, drawn from their source only as far as needed. */
export class Candidates {
  readonly #source: Iterator<number>;
  #ahead: number[] = [];

  constructor(source: Iterable<number>) {
    this.#source = source[Symbol.iterator]();
  }

  /** The next ports, `most` at most; they stay next until they are dropped. */
  peek(most: number): readonly number[] {
    while (this.#ahead.length < most) {
      const next = this.#source.next();
      if (next.done) break;
      this.#ahead.push(next.value);
    }
    return this.#ahead.slice(0, most);
  }

  /** Drops the ports up to and with `port`: they have been tried. */
  drop(port: number | undefined): void {
    this.#ahead = port === undefined ? [] : this.#ahead.slice(this.#ahead.indexOf(port) + 1);
  }
}
