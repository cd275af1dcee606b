import { createServer, type Server } from 'node:net';

/**
 * Takes a place that there is once in a network namespace; undefined when it is taken. The lock is a socket
 * in Linux' abstract name space: the kernel gives it to one and takes it back when that one dies, however.
 * It keeps no process alive.
 */
export function takeLock(name: string): Promise<Server | undefined> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(undefined);
      else reject(error);
    });
    server.listen(`\0harbor-${name}`, () => {
      server.unref();
      resolve(server);
    });
  });
}
