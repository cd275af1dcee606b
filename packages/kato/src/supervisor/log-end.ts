import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';

/** How much of the end of a log is looked at, bytes. */
const REACH = 8_192;

/** The last lines of a process's log, 15 at most; none where there is no log. */
export function tailOf(logs: string, name: string): string[] {
  let file: number;
  try {
    file = openSync(join(logs, `${name}.log`), 'r');
  } catch {
    return [];
  }
  try {
    const { size } = fstatSync(file);
    const buffer = Buffer.alloc(Math.min(REACH, size));
    readSync(file, buffer, 0, buffer.length, size - buffer.length);
    return buffer.toString().trimEnd().split('\n').slice(-15);
  } finally {
    closeSync(file);
  }
}
