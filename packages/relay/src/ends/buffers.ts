/** Where everything is read that is not much: its bytes are copied out before the next read. */
export const SHARED = Buffer.allocUnsafeSlow(256 * 1_024);

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
