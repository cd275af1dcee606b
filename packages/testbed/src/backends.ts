import { freePort } from './ports.js';
import { createSocket } from 'node:dgram';
import { createServer, type Socket } from 'node:net';
import type { Scope } from './scope.js';

/** A server of the test's own, to be registered as an instance. */
export interface TestBackend {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** Connections it has now. */
  readonly open: ReadonlySet<Socket>;
  close(): Promise<void>;
}

/** Where a server listens: on loopback and a free port unless said otherwise. */
export interface ListenAt {
  readonly host?: string;
  readonly port?: number;
  /** It greets with the client's address behind its name. */
  readonly namesClient?: boolean;
}

/** Greets with its name and echoes until the client ends; half-open connections stay. */
export async function tcpBackend(t: Scope, name: string, at: ListenAt = {}): Promise<TestBackend> {
  const { host = '127.0.0.1', port = await freePort(), namesClient = false } = at;
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    open.add(socket);
    socket.on('error', () => socket.destroy()).on('close', () => open.delete(socket));
    socket.write(namesClient ? `${name} ${socket.remoteAddress ?? ''}\n` : `${name}\n`);
    socket.pipe(socket);
  });
  await new Promise<void>((done) => server.listen(port, host, done));
  const close = (): Promise<void> =>
    new Promise((done) => {
      for (const socket of open) socket.destroy();
      server.close(() => done());
    });
  t.teardown(close);
  return { name, host, port, open, close };
}

/** Answers each datagram with its name and what it got. */
export async function udpBackend(t: Scope, name: string, at: ListenAt = {}): Promise<TestBackend> {
  const { host = '127.0.0.1', port = await freePort() } = at;
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  let closed = false;
  socket.on('message', (message, client) => {
    socket.send(`${name}: ${message.toString()}`, client.port, client.address);
  });
  await new Promise<void>((done) => socket.bind(port, host, done));
  const close = (): Promise<void> =>
    new Promise((done) => {
      if (closed) done();
      else socket.close(() => done());
      closed = true;
    });
  t.teardown(close);
  return { name, host, port, open: new Set(), close };
}
