import { existsSync, lstatSync, mkdirSync, renameSync, symlinkSync } from 'node:fs';
import { join, relative } from 'node:path';
import type pinoRoll from 'pino-roll';

/** Where a log is kept and when it is rotated. */
export interface LogFile {
  readonly dir: string;
  readonly name: string;
  /** MB until it is rotated. */
  readonly size: number;
  /** Rotated files that are kept. */
  readonly count: number;
}

type RollingStream = Awaited<ReturnType<typeof pinoRoll>>;

/**
 * Opens `<dir>/<name>.log`, which is always the live log. pino-roll writes numbered files and a link
 * `current.log` to the newest one; it counts every number in its directory, so each log has a directory of
 * its own, and the path people know is a link to that link: `tail -F` follows it across rotation.
 */
export async function openLogFile({ dir, name, size, count }: LogFile): Promise<RollingStream> {
  const rolled = join(dir, 'rolled', name);
  mkdirSync(rolled, { recursive: true });
  // Loaded here and not above: it brings hundreds of files, which a command that logs nothing would wait for.
  const { default: roll } = await import('pino-roll');
  const stream = await roll({
    file: join(rolled, name),
    extension: '.log',
    size: `${size}m`,
    symlink: true,
    // pino-roll keeps these besides the live one; it wants one at least.
    limit: { count: Math.max(1, count), removeOtherLogFiles: true },
    sync: true,
  });
  // A full or vanished disk must not end the process: it is said where it still can be.
  stream.on('error', (error: Error) =>
    process.stderr.write(`${name}.log cannot be written: ${error.message}\n`),
  );
  linkTo(join(dir, `${name}.log`), join(rolled, 'current.log'), join(rolled, `${name}.0.log`));
  return stream;
}

/** Makes `path` a relative link to `target` in one step; a regular file in its place is moved aside. */
function linkTo(path: string, target: string, aside: string): void {
  if (existsSync(path) && !lstatSync(path).isSymbolicLink()) renameSync(path, aside);
  const temporary = `${path}.${process.pid}`;
  symlinkSync(relative(join(path, '..'), target), temporary);
  renameSync(temporary, path);
}
