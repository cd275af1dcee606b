import type { Backend } from '@harbor/core';
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { numericLookup } from './bind.js';

/** Datagrams kept until the kernel has connected the socket. */
const MOST_PENDING = 64;
/** The largest datagram kept until it is answered: those of a real network fit. */
const LARGEST_KEPT = 1_500;

export interface UdpFlowOptions {
  readonly client: RemoteInfo;
  readonly backend: Backend;
  /** Goes in front of every datagram to the backend. */
  readonly header: Buffer | undefined;
  readonly onReply: (flow: UdpFlow, datagram: Buffer) => void;
  readonly onFailed: (flow: UdpFlow, code: string) => void;
}

/**
 * One client of a UDP port and the socket that stands for it towards the backend. The socket is
 * connected, so that an ICMP port-unreachable comes back as an error.
 */
export class UdpFlow {
  readonly #socket: Socket;
  #pending: Buffer[] | undefined = [];
  #closed = false;
  /** The last datagram no answer has come to: it is sent again where the backend turns out to be gone. */
  unanswered: Buffer | undefined;
  /** When it was last used, ms since the epoch. */
  used = 0;

  constructor(readonly options: UdpFlowOptions) {
    const { backend } = options;
    const type = backend.host.includes(':') ? 'udp6' : 'udp4';
    this.#socket = createSocket({ type, lookup: numericLookup });
    this.#socket.on('error', (error: NodeJS.ErrnoException) => this.#failed(error));
    this.#socket.on('message', (datagram) => {
      this.unanswered = undefined;
      options.onReply(this, datagram);
    });
    this.#socket.connect(backend.port, backend.host, () => this.#connected());
  }

  send(datagram: Buffer): void {
    if (this.#closed) return;
    this.unanswered = datagram.length <= LARGEST_KEPT ? datagram : undefined;
    if (!this.#pending) this.#write(datagram);
    else if (this.#pending.length < MOST_PENDING) this.#pending.push(datagram);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#pending = undefined;
    this.#socket.close();
  }

  #connected(): void {
    if (this.#closed) return;
    const pending = this.#pending ?? [];
    this.#pending = undefined;
    for (const datagram of pending) this.#write(datagram);
  }

  #write(datagram: Buffer): void {
    const { header } = this.options;
    this.#socket.send(header ? [header, datagram] : datagram, (error) => {
      if (error) this.#failed(error);
    });
  }

  #failed(error: NodeJS.ErrnoException): void {
    if (!this.#closed) this.options.onFailed(this, error.code ?? 'EUNKNOWN');
  }
}
