import type { Backend } from '@harbor/core';
import { connect } from 'node:net';
import type { Probe } from './checker.js';

/** Tries TCP by connecting; `timeoutMs` is how long that may take. UDP says nothing of itself. */
export function tcpProbe(timeoutMs: () => number): Probe {
  return ({ transport, host, port }: Backend) =>
    transport === 'udp' ? Promise.resolve(undefined) : connects(host, port, timeoutMs());
}

function connects(host: string, port: number, timeout: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (failure: string | undefined): void => {
      socket.removeAllListeners();
      // A late error of a connection that has told us what we wanted to know interests nobody.
      socket.on('error', () => undefined).destroy();
      resolve(failure);
    };
    // After a pause of this process its timers come first: what the kernel has to say is heard before it counts.
    socket.setTimeout(timeout, () => setImmediate(end, 'ETIMEDOUT'));
    socket.once('connect', () => end(undefined));
    socket.once('error', (error: NodeJS.ErrnoException) => end(error.code ?? error.message));
  });
}
