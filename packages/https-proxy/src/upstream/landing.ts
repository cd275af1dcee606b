/** What one read takes at most, bytes. */
const SIZE = 65_536;
/** What is given away as it is; less is copied, bytes. */
const MUCH = 32_768;

/**
 * The one place that all connections read into, one at a time. Node takes a new block of 64 KiB for each read
 * otherwise, and most answers are small.
 */
export class Landing {
  #place = Buffer.allocUnsafeSlow(SIZE);

  /** Where the next read goes. */
  get place(): Buffer {
    return this.#place;
  }

  /** What the read brought; it is the caller's to keep. */
  take(size: number): Buffer {
    const bytes = this.#place.subarray(0, size);
    if (size < MUCH) return Buffer.from(bytes);
    this.#place = Buffer.allocUnsafeSlow(SIZE);
    return bytes;
  }
}
