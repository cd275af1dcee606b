import type { Clock } from '@harbor/core';
import { readHeader, type Endpoints } from '@harbor/relay/proxy-protocol';
import type { Server } from 'node:https';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';

export interface SourceOptions {
  readonly clock: Clock;
  /** How long the header may take, ms. */
  readonly headTimeout: number;
  /** Told of each connection that is closed for its header. */
  readonly onRefusal: (reason: string) => void;
}

type Ends = Pick<Socket, 'remoteAddress' | 'remotePort' | 'localAddress'>;

/** No two connections that are open have the same; that of TLS has the one of what it goes over. */
function keyOf({ remoteAddress, remotePort, localAddress }: Ends): string {
  return [remoteAddress, remotePort, localAddress].join(' ');
}

/**
 * Makes a server read a PROXY protocol header at the beginning of each connection, before TLS: from then on
 * `remoteAddress` of its sockets is the source that the header names, where it names one. The returned function
 * ends the connections whose header is still awaited.
 */
export function expectHeaders(https: Server, { clock, headTimeout, onRefusal }: SourceOptions): () => void {
  const awaited = new Set<Socket>();
  /** What the headers say, until the handshake is over. */
  const sources = new Map<string, Endpoints>();
  const begin = https.listeners('connection') as ((socket: Socket) => void)[];
  https.removeAllListeners('connection');
  https.on('connection', (socket: Socket) => {
    const key = keyOf(socket);
    let head: Buffer | undefined;
    const settle = (): void => {
      cancel();
      awaited.delete(socket);
      socket.off('data', take).off('end', end);
    };
    const refuse = (reason: string): void => {
      settle();
      onRefusal(reason);
      socket.destroy();
    };
    const take = (bytes: Buffer): void => {
      head = head ? Buffer.concat([head, bytes]) : bytes;
      const read = readHeader(head);
      if (read.kind === 'more') return;
      if (read.kind === 'bad') {
        refuse(read.reason);
        return;
      }
      settle();
      const { ends } = read;
      if (ends) {
        sources.set(key, ends);
        // By then another connection may have come from the same port.
        socket.once('close', () => sources.get(key) === ends && sources.delete(key));
      }
      // TLS reads what came with it from where a stream keeps what nobody has read.
      socket.pause();
      if (head.length > read.size) socket.unshift(head.subarray(read.size));
      for (const listener of begin) listener.call(https, socket);
    };
    const end = (): void => {
      // Without a word it only wanted to know whether somebody listens.
      if (head) refuse('a PROXY protocol header breaks off');
      else socket.destroy();
    };
    const cancel = clock.schedule(headTimeout, () => refuse('a PROXY protocol header takes too long'));
    awaited.add(socket);
    socket
      .on('error', () => socket.destroy())
      .on('data', take)
      .once('end', end)
      .once('close', settle);
  });
  https.prependListener('secureConnection', (socket: TLSSocket) => {
    const key = keyOf(socket);
    const value = sources.get(key)?.source;
    sources.delete(key);
    if (value !== undefined) Object.defineProperty(socket, 'remoteAddress', { value });
  });
  return () => {
    for (const socket of awaited) socket.destroy();
  };
}
