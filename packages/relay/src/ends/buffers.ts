/** Where everything is read that is not much: its bytes are copied out before the next read. */
export const SHARED = Buffer.allocUnsafeSlow(256 * 1_024);

/** Reads up to here are copied into memory that the next one uses again, unless a write still needs it. */
const LITTLE = 4 * 1_024;
let little = Buffer.allocUnsafeSlow(LITTLE);

/** What has just been read into SHARED, in memory that stays as it is until the next call. */
export function copyOut(size: number): Buffer {
  const memory = size <= LITTLE ? little : Buffer.allocUnsafe(size);
  SHARED.copy(memory, 0, 0, size);
  return memory.subarray(0, size);
}

/** A write has not taken all of it at once: from now on it is left alone. */
export function leaveTo(data: Uint8Array): void {
  if (data.buffer === little.buffer) little = Buffer.allocUnsafeSlow(LITTLE);
}

/** Bytes that a connection of its own buffer reads at once: a tenth more throughput than with 256 KB. */
const CHUNK = 1_024 * 1_024;

/** A read of so many bytes is the sign of a connection that moves much, and gets a buffer of its own. */
export const MUCH = 32 * 1_024;

/** Buffers of their own at most, so 64 MB; connections beyond share one. */
const MOST = 64;

const spare: Buffer[] = [];
let made = 0;

/** A buffer for one connection's reads; undefined where all are taken. */
export function takeBuffer(): Buffer | undefined {
  const known = spare.pop();
  if (known) return known;
  if (made >= MOST) return undefined;
  made++;
  return Buffer.allocUnsafeSlow(CHUNK);
}

/** Gives one back that nobody reads into or writes from any more. */
export function giveBuffer(buffer: Buffer): void {
  spare.push(buffer);
}
