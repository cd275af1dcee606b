import type { Logger } from '@harbor/log';
import { freePort, type Scope, type TestCertificates } from '@harbor/testbed';
import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { createServer as createTlsServer } from 'node:tls';

/** A log server of the test's own. */
export interface Receiver {
  readonly port: number;
  readonly url: string;
  /** The lines, or datagrams, it has got. */
  readonly lines: readonly string[];
  /** Connections made to it so far. */
  readonly connections: () => number;
  close(): Promise<void>;
}

export function tcpReceiver(t: Scope, at?: number): Promise<Receiver> {
  return streamReceiver(t, 'tcp', (accept) => createServer(accept), at);
}

/** A server with TLS, for 127.0.0.1. */
export function tlsReceiver(t: Scope, { cert, key }: TestCertificates, at?: number): Promise<Receiver> {
  const pair = { cert: readFileSync(cert), key: readFileSync(key) };
  return streamReceiver(t, 'tls', (accept) => createTlsServer(pair, accept), at);
}

async function streamReceiver(
  t: Scope,
  protocol: 'tcp' | 'tls',
  create: (accept: (socket: Socket) => void) => Server,
  at?: number,
): Promise<Receiver> {
  const port = at ?? (await freePort());
  const lines: string[] = [];
  const open = new Set<Socket>();
  let connections = 0;
  const server = create((socket) => {
    connections += 1;
    open.add(socket);
    socket.on('error', () => socket.destroy()).on('close', () => open.delete(socket));
    createInterface({ input: socket })
      .on('line', (line) => lines.push(line))
      .on('error', () => undefined);
  });
  await new Promise<void>((done) => server.listen(port, '127.0.0.1', done));
  const close = (): Promise<void> =>
    new Promise((done) => {
      for (const socket of open) socket.destroy();
      server.close(() => done());
    });
  t.teardown(close);
  return { port, url: `${protocol}://127.0.0.1:${port}`, lines, connections: () => connections, close };
}

export async function udpReceiver(t: Scope, at?: number): Promise<Receiver> {
  const port = at ?? (await freePort());
  const lines: string[] = [];
  const socket = createSocket('udp4').on('message', (message) => lines.push(message.toString()));
  await new Promise<void>((done) => socket.bind(port, '127.0.0.1', done));
  let closed = false;
  const close = (): Promise<void> =>
    new Promise((done) => {
      if (closed) done();
      else socket.close(() => done());
      closed = true;
    });
  t.teardown(close);
  return { port, url: `udp://127.0.0.1:${port}`, lines, connections: () => 0, close };
}

/** What was logged: the events, with their level. */
export interface Heard {
  readonly log: Pick<Logger, 'info' | 'warn' | 'error'>;
  readonly events: readonly string[];
}

export function listen(): Heard {
  const events: string[] = [];
  const hear =
    (level: string) =>
    (fields: unknown): void => {
      events.push(`${level} ${String((fields as { event?: unknown }).event)}`);
    };
  return { events, log: { info: hear('info'), warn: hear('warn'), error: hear('error') } };
}
