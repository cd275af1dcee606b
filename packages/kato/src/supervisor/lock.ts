import { homeHash } from '@harbor/config';
import { takeLock } from '@harbor/machine';
import { mkdirSync } from 'node:fs';
import type { Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The longest path of a unix socket (sun_path, unix(7)), with room for its end. */
const LONGEST_SOCKET_PATH = 100;

/** Takes the one place a home has for its supervisor, or for a change of its drains; undefined when taken. */
export function takeHomeLock(home: string, what: 'kato' | 'drains'): Promise<Server | undefined> {
  return takeLock(`${what}-${homeHash(home)}`);
}

/** Where the supervisor of a home listens. */
export function controlSocket(home: string, varDirectory: string): string {
  const path = join(varDirectory, 'kato.sock');
  if (path.length <= LONGEST_SOCKET_PATH) return path;
  const directory = join(tmpdir(), `harbor-${homeHash(home)}`);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  return join(directory, 'kato.sock');
}
