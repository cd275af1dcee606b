import type { Backend } from '@harbor/core';
import { freePort } from '@harbor/testbed';
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import type { Test } from 'tap';
import { backendAt } from './rig.js';

export interface Datagram {
  readonly data: Buffer;
  readonly from: RemoteInfo;
}

/** A UDP socket and what has come to it, handed out one by one. */
class Mailbox {
  readonly #waiting: ((datagram: Datagram) => void)[] = [];
  /** What nobody has asked for yet. */
  readonly unread: Datagram[] = [];

  constructor(readonly socket: Socket) {
    socket.on('error', () => undefined);
    socket.on('message', (data, from) => {
      const taker = this.#waiting.shift();
      if (taker) taker({ data, from });
      else this.unread.push({ data, from });
    });
  }

  get port(): number {
    return this.socket.address().port;
  }

  /** The next datagram, come already or to come. */
  next(): Promise<Datagram> {
    const datagram = this.unread.shift();
    return datagram ? Promise.resolve(datagram) : new Promise((resolve) => this.#waiting.push(resolve));
  }
}

async function bound(t: Test, host: string, port = 0): Promise<Socket> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  await new Promise<void>((resolve) => socket.bind(port, host, resolve));
  t.teardown(() => closed(socket));
  return socket;
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    try {
      socket.close(() => resolve());
    } catch {
      resolve();
    }
  });
}

/** A client on a port of its own, closed with the test. */
export class UdpClient extends Mailbox {
  static async open(t: Test, host = '127.0.0.1'): Promise<UdpClient> {
    return new UdpClient(await bound(t, host), host);
  }

  constructor(
    socket: Socket,
    readonly host: string,
  ) {
    super(socket);
  }

  send(port: number, data: string | Buffer): void {
    this.socket.send(data, port, this.host);
  }

  async ask(port: number, data: string | Buffer): Promise<Buffer> {
    this.send(port, data);
    return (await this.next()).data;
  }
}

/** An instance that really listens. */
export class UdpServer extends Mailbox {
  constructor(
    socket: Socket,
    readonly backend: Backend,
  ) {
    super(socket);
  }

  send(data: string | Buffer, { port, address }: RemoteInfo): void {
    this.socket.send(data, port, address);
  }

  /** Gone: the host says from now on that nobody listens there. */
  close(): Promise<void> {
    return closed(this.socket);
  }
}

export async function listenUdp(t: Test, index: number, host = '127.0.0.1'): Promise<UdpServer> {
  // None of those that the kernel gives out: closed, it would be a client's, or the relay's own.
  const socket = await bound(t, host, await freePort());
  return new UdpServer(socket, backendAt('udp', socket.address().port, index, host));
}

/** An instance that answers each datagram with its number and what came. */
export async function answering(t: Test, index: number, host?: string): Promise<UdpServer> {
  const server = await listenUdp(t, index, host);
  server.socket.on('message', (data, from) => server.send(`i${index} ${data.toString()}`, from));
  return server;
}
