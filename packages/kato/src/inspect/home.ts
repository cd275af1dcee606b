import { shellWord } from '@harbor/core';
import type { Home } from '@harbor/config';
import { accessSync, constants, existsSync, statfsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { judge, type Finding } from './finding.js';

/** Redis refuses writes when the disk is full; logs need room too. GB (10⁹ bytes) */
const ROOM = 1;

/** Whether the home can be used, and its secrets by nobody else. */
export function inspectHome(home: Home): Finding[] {
  return [
    ...[home.etc, home.logs, home.var].map(inspectDirectory),
    inspectSecrets(join(home.var, 'secrets.json')),
    inspectDisk(home.var),
  ];
}

function inspectDirectory(directory: string): Finding {
  if (!existsSync(directory)) return inspectUnmade(directory);
  const fine = isWritable(directory);
  const remedy = `make it writable for the user that runs Harbor: chown -R USER ${shellWord(directory)}`;
  return judge('directory', fine, `${directory} ${fine ? 'can' : 'cannot'} be written`, {
    state: 'fail',
    remedy,
  });
}

/** A directory that the first start makes: where it will be has to be writable. */
function inspectUnmade(directory: string): Finding {
  const parent = nearest(directory);
  const fine = isWritable(parent);
  const found = fine ? `${directory} is made at the first start` : `${directory} cannot be made in ${parent}`;
  return judge('directory', fine, found, {
    state: 'fail',
    remedy: `make it for the user that runs Harbor: install -d -o USER ${shellWord(directory)}`,
  });
}

/** The directory, or the one above it that there is. */
function nearest(directory: string): string {
  return existsSync(directory) ? directory : nearest(dirname(directory));
}

function inspectSecrets(file: string): Finding {
  if (!existsSync(file)) return { check: 'secrets', state: 'ok', found: 'are made at the first start' };
  const mode = statSync(file).mode & 0o777;
  return judge('secrets', (mode & 0o077) === 0, `${file} has mode ${mode.toString(8)}`, {
    state: 'fail',
    remedy: `chmod 600 ${shellWord(file)}`,
  });
}

function inspectDisk(directory: string): Finding {
  const { bavail, bsize } = statfsSync(nearest(directory));
  const free = (bavail * bsize) / 1e9;
  return judge('disk', free >= ROOM, `${free.toFixed(1)} GB are free for ${directory}`, {
    state: 'warn',
    remedy: 'make room: what Redis cannot write is not acknowledged',
  });
}

function isWritable(directory: string): boolean {
  try {
    accessSync(directory, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
