import type { Transport } from '@harbor/core';
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { createServer, type Server } from 'node:net';
import { networkInterfaces } from 'node:os';

/** Connections the kernel keeps waiting for us; it lowers this to net.core.somaxconn. */
const BACKLOG = 4_096;
/** Asked for; the kernel lowers it to net.core.rmem_max. A burst of datagrams waits there for its turn. */
const UDP_BUFFER = 4 * 1_024 * 1_024;

/** Where to bind: 0.0.0.0 is every address, IPv4 and IPv6, by one dual-stack socket where there is IPv6. */
export function bindAddress(bindHost: string): { readonly host: string; readonly type: 'udp4' | 'udp6' } {
  const host = bindHost === '0.0.0.0' && hasIPv6() ? '::' : bindHost;
  return { host, type: host.includes(':') ? 'udp6' : 'udp4' };
}

function hasIPv6(): boolean {
  return Object.values(networkInterfaces()).some((each) => each?.some(({ family }) => family === 'IPv6'));
}

/** A TCP listener. Rejects with the reason of the kernel (EADDRINUSE, EACCES, EMFILE …). */
export function bindTcp(port: number, bindHost: string): Promise<Server> {
  // Paused until there is a backend, so that nothing is read that nobody could take.
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host: bindAddress(bindHost).host, backlog: BACKLOG }, () => {
      server.off('error', reject);
      resolve(server);
    });
  });
}

/** Addresses are numbers here: looking them up costs a turn of the event loop per datagram. */
export const numericLookup = (
  host: string,
  _options: unknown,
  callback: (error: NodeJS.ErrnoException | null, address: string, family: number) => void,
): void => callback(null, host, host.includes(':') ? 6 : 4);

/** A UDP socket. Rejects with the reason of the kernel. */
export function bindUdp(port: number, bindHost: string): Promise<UdpSocket> {
  const { host, type } = bindAddress(bindHost);
  const socket = createSocket({ type, ipv6Only: false, lookup: numericLookup });
  return new Promise((resolve, reject) => {
    const failed = (error: Error): void => {
      socket.close();
      reject(error);
    };
    socket.once('error', failed);
    socket.bind({ port, address: host, exclusive: true }, () => {
      socket.off('error', failed);
      enlarge(socket);
      resolve(socket);
    });
  });
}

/** Larger buffers where the kernel lets us; without them a burst is cut sooner, nothing else. */
export function enlarge(socket: UdpSocket): void {
  try {
    socket.setRecvBufferSize(UDP_BUFFER);
    socket.setSendBufferSize(UDP_BUFFER);
  } catch {
    // ENOBUFS and the like: the default size serves as well.
  }
}

/** What holds a port of one transport, whatever comes in. */
export type Bound =
  | { readonly transport: 'tcp'; readonly server: Server }
  | { readonly transport: 'udp'; readonly socket: UdpSocket };

export async function bind(transport: Transport, port: number, bindHost: string): Promise<Bound> {
  return transport === 'tcp'
    ? { transport, server: await bindTcp(port, bindHost) }
    : { transport, socket: await bindUdp(port, bindHost) };
}

/** Gives the port back; it is free when this resolves. */
export function unbind(bound: Bound): Promise<void> {
  return new Promise((resolve) => {
    if (bound.transport === 'udp') bound.socket.close(() => resolve());
    else {
      // The callback would wait for open connections; the port itself is free at once.
      bound.server.close();
      setImmediate(resolve);
    }
  });
}
