import { createSocket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { readFile } from 'node:fs/promises';
import { connect, isIP, type Socket } from 'node:net';
import { finished } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import type { Target } from './drain.js';
import type { QueueLimits } from './queue.js';

/** An open way to a drain's server. */
export interface Link {
  /** What it takes at once. */
  readonly atOnce: QueueLimits;
  /**
   * Resolves when the kernel has them, with how many; the others can never be sent. When it rejects the link
   * is gone, and `gone` is told why.
   */
  send(lines: readonly Buffer[]): Promise<number>;
  /**
   * Ends it so that the server gets all that was sent; resolves when it is closed. A server that does not end
   * its side within a second, or what it was given, is left.
   */
  close(): Promise<void>;
}

/** Opens a link; `signal` ends it at once. `gone` is told once it can no longer be used, for whatever reason. */
export type OpenLink = (target: Target, signal: AbortSignal, gone: (reason: Error) => void) => Promise<Link>;

const STREAM: QueueLimits = { lines: 256, bytes: 65_536 };
const DATAGRAM: QueueLimits = { lines: 1, bytes: 65_536 };
/** A server that vanished without a word is noticed although nothing is sent, ms. */
const KEEP_ALIVE = 15_000;
/** How long a server may take to end its side, ms. */
const GOODBYE = 1_000;

/** Opens links whose servers may take so long to end their side, ms. */
export function linksFor(goodbye: number): OpenLink {
  return (target, signal, gone) =>
    target.protocol === 'udp' ? openUdp(target, signal, gone) : openStream(target, signal, gone, goodbye);
}

export const openLink = linksFor(GOODBYE);

/** TCP, or TLS over it: then the link is open when the server has shown who it is. */
async function openStream(
  { host, port, protocol, ca }: Target,
  signal: AbortSignal,
  gone: (reason: Error) => void,
  goodbye: number,
): Promise<Link> {
  // Read with every attempt, so that a file that was renewed counts.
  const trusted = ca === undefined ? {} : { ca: await readFile(ca, 'utf8') };
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const socket: Socket =
      protocol === 'tls' ? connectTls({ host, port, ...trusted, ...named(host) }) : connect({ host, port });
    let reason = new Error('the other side closed the connection');
    signal.addEventListener('abort', () => socket.destroy(), { once: true });
    socket.on('error', (error) => (reason = describe(error)));
    socket.once('close', () => {
      reject(reason);
      gone(reason);
    });
    socket.once('connect', () => socket.setKeepAlive(true, KEEP_ALIVE));
    socket.once(protocol === 'tls' ? 'secureConnect' : 'connect', () =>
      resolve({ atOnce: STREAM, send, close }),
    );
    // What it says is of no interest, but unless it is read its end is not seen either.
    socket.resume();

    function send(lines: readonly Buffer[]): Promise<number> {
      return new Promise((sent, failed) => {
        socket.write(Buffer.concat(lines), (error) => (error ? failed(error) : sent(lines.length)));
      });
    }

    // Destroyed with something unread (a ticket of TLS 1.3 is enough), it would be reset, and the server would
    // lose what it had not read: it is read until the other side ends.
    function close(): Promise<void> {
      return new Promise((closed) => {
        const leave = setTimeout(() => socket.destroy(), goodbye);
        finished(socket, () => {
          clearTimeout(leave);
          closed();
        });
        socket.end();
      });
    }
  });
}

/** A name is said to the server, which may have several certificates; an address must not be (RFC 6066 §3). */
function named(host: string): { readonly servername?: string } {
  return isIP(host) ? {} : { servername: host.replace(/\.$/, '') };
}

const openUdp: OpenLink = async ({ host, port }, signal, gone) => {
  const { address, family } = await lookup(host);
  signal.throwIfAborted();
  const socket = createSocket(family === 6 ? 'udp6' : 'udp4');
  const close = (): Promise<void> => new Promise((closed) => socket.close(() => closed()));
  signal.addEventListener('abort', () => socket.close(), { once: true });
  return new Promise((resolve, reject) => {
    // Connected, so that a port-unreachable of the other side is heard of.
    socket.once('connect', () => resolve({ atOnce: DATAGRAM, send, close }));
    socket.on('error', (error) => {
      reject(error);
      gone(describe(error));
    });
    socket.connect(port, address);

    function send(lines: readonly Buffer[]): Promise<number> {
      return new Promise((sent, failed) => {
        socket.send([...lines], (error) => {
          if (!error) sent(lines.length);
          // Longer than the way allows: it will not be shorter next time.
          else if ((error as NodeJS.ErrnoException).code === 'EMSGSIZE') sent(0);
          else {
            failed(error);
            gone(describe(error));
          }
        });
      });
    }
  });
};

/** A name with several addresses fails with all of their errors and no message of its own. */
function describe(error: Error): Error {
  if (!(error instanceof AggregateError)) return error;
  return new Error(
    error.errors.map((each) => (each instanceof Error ? each.message : String(each))).join('; '),
  );
}
