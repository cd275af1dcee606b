import { connect, createServer, type Server } from 'node:net';

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
    server.listen(addressOf(name), () => {
      server.unref();
      resolve(server);
    });
  });
}

/** True while somebody has the place; it is not taken by asking. */
export function isTaken(name: string): Promise<boolean> {
  const socket = connect(addressOf(name));
  return new Promise((resolve) => {
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
  }).then((taken) => {
    socket.destroy();
    return taken === true;
  });
}

function addressOf(name: string): string {
  return `\0harbor-${name}`;
}
