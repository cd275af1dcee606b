import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The longest path of a unix socket (sun_path, unix(7)), with room for its end. */
const LONGEST_SOCKET_PATH = 100;

/** Names a home in places where its path is too long. */
function homeHash(home: string): string {
  return createHash('sha256').update(home).digest('hex').slice(0, 16);
}

/**
 * Takes the one place a home has for something (its supervisor, say); undefined when it is taken. The lock
 * is a socket in Linux' abstract name space: the kernel gives it to one and takes it back when that one
 * dies, however.
 */
export function takeLock(home: string, what: 'kato' | 'drains'): Promise<Server | undefined> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(undefined);
      else reject(error);
    });
    server.listen(`\0harbor-${what}-${homeHash(home)}`, () => resolve(server));
  });
}

/** Where the supervisor of a home listens. */
export function controlSocket(home: string, varDirectory: string): string {
  const path = join(varDirectory, 'kato.sock');
  if (path.length <= LONGEST_SOCKET_PATH) return path;
  const directory = join(tmpdir(), `harbor-${homeHash(home)}`);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  return join(directory, 'kato.sock');
}
