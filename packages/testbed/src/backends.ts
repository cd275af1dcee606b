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

/** Greets with its name and echoes until the client ends; half-open connections stay. */
export async function tcpBackend(t: Scope, name: string, at?: number): Promise<TestBackend> {
  const port = at ?? (await freePort());
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    open.add(socket);
    socket.on('error', () => socket.destroy()).on('close', () => open.delete(socket));
    socket.write(`${name}\n`);
    socket.pipe(socket);
  });
  await new Promise<void>((done) => server.listen(port, '127.0.0.1', done));
  const close = (): Promise<void> =>
    new Promise((done) => {
      for (const socket of open) socket.destroy();
      server.close(() => done());
    });
  t.teardown(close);
  return { name, host: '127.0.0.1', port, open, close };
}

/** Answers each datagram with its name and what it got. */
export async function udpBackend(t: Scope, name: string, at?: number): Promise<TestBackend> {
  const port = at ?? (await freePort());
  const socket = createSocket('udp4');
  let closed = false;
  socket.on('message', (message, client) => {
    socket.send(`${name}: ${message.toString()}`, client.port, client.address);
  });
  await new Promise<void>((done) => socket.bind(port, '127.0.0.1', done));
  const close = (): Promise<void> =>
    new Promise((done) => {
      if (closed) done();
      else socket.close(() => done());
      closed = true;
    });
  t.teardown(close);
  return { name, host: '127.0.0.1', port, open: new Set(), close };
}
