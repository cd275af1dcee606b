import { closeSync, existsSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { StringDecoder } from 'node:string_decoder';

/** How much is read at once, and how far back the first lines are looked for, bytes. */
const CHUNK = 65_536;
const REACH = 1_048_576;

/**
 * Reads a log by its name: when the name stands for another file (it was rotated) the rest of the old one
 * is read first, then the new one from its beginning.
 */
export class LogReader {
  #file: number | undefined;
  #inode = 0;
  #at = 0;
  #rest = '';
  #decoder = new StringDecoder('utf8');

  constructor(
    readonly process: string,
    readonly path: string,
  ) {}

  /** The lines there are now, the newest megabyte of them; what comes after is what `more` gives. */
  present(): string[] {
    if (!this.#open()) return [];
    const size = fstatSync(this.#file ?? 0).size;
    this.#at = Math.max(0, size - REACH);
    const cut = this.#at > 0;
    const lines = this.#read();
    return cut ? lines.slice(1) : lines;
  }

  /** The whole lines that have come since. */
  more(): string[] {
    const lines = this.#file === undefined ? [] : this.#read();
    if (this.#moved() && this.#open()) lines.push(...this.#read());
    return lines;
  }

  /** Lets the file go. */
  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  #moved(): boolean {
    const now = statSync(this.path, { throwIfNoEntry: false });
    return now !== undefined && (this.#file === undefined || now.ino !== this.#inode || now.size < this.#at);
  }

  #open(): boolean {
    this.close();
    if (!existsSync(this.path)) return false;
    this.#file = openSync(this.path, 'r');
    this.#inode = fstatSync(this.#file).ino;
    this.#at = 0;
    this.#rest = '';
    this.#decoder = new StringDecoder('utf8');
    return true;
  }

  #read(): string[] {
    const buffer = Buffer.allocUnsafe(CHUNK);
    let text = this.#rest;
    for (;;) {
      const read = readSync(this.#file ?? 0, buffer, 0, CHUNK, this.#at);
      if (read === 0) break;
      this.#at += read;
      text += this.#decoder.write(buffer.subarray(0, read));
    }
    const lines = text.split('\n');
    this.#rest = lines.pop() ?? '';
    return lines;
  }
}
