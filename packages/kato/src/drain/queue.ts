/** How much waits for a drain at most: in lines and in bytes. */
export interface QueueLimits {
  readonly lines: number;
  readonly bytes: number;
}

/** Lines that wait to be sent; over its limits the oldest ones go, and are counted. */
export class LineQueue {
  #lines: Buffer[] = [];
  #bytes = 0;
  #dropped = 0;

  constructor(readonly limits: QueueLimits) {}

  get length(): number {
    return this.#lines.length;
  }

  /** Lines given up so far. */
  get dropped(): number {
    return this.#dropped;
  }

  push(line: Buffer): void {
    if (line.length > this.limits.bytes) {
      // It alone is too much: better it goes than all the others.
      this.#dropped += 1;
      return;
    }
    this.#lines.push(line);
    this.#bytes += line.length;
    this.#trim();
  }

  /** Takes the oldest out: `lines` of them at most, `bytes` at most, but always one where there is one. */
  take({ lines, bytes }: QueueLimits): Buffer[] {
    let count = 0;
    let size = 0;
    for (const line of this.#lines) {
      if (count === lines || (count > 0 && size + line.length > bytes)) break;
      size += line.length;
      count += 1;
    }
    this.#bytes -= size;
    return this.#lines.splice(0, count);
  }

  /** Puts what was taken back to the front: it was not sent. */
  giveBack(lines: readonly Buffer[]): void {
    this.#lines = [...lines, ...this.#lines];
    for (const line of lines) this.#bytes += line.length;
    this.#trim();
  }

  /** Counts lines that were taken and cannot be sent at all. */
  giveUp(count: number): void {
    this.#dropped += count;
  }

  #trim(): void {
    while (this.#lines.length > this.limits.lines || this.#bytes > this.limits.bytes) {
      this.#bytes -= this.#lines.shift()?.length ?? 0;
      this.#dropped += 1;
    }
  }
}
