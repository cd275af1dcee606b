import type { Backend } from '@harbor/core';
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { numericLookup } from './bind.js';

/** Datagrams kept until the kernel has connected the socket. */
const MOST_PENDING = 64;
/** The largest datagram kept until it is answered: those of a real network fit. */
const LARGEST_KEPT = 1_500;
/** What says that nobody is there. Other errors of a connected socket are about one datagram: too large, say. */
const GONE = new Set(['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'EHOSTDOWN']);
const NOBODY: ReadonlySet<string> = new Set();

export interface UdpFlowOptions {
  readonly client: RemoteInfo;
  readonly backend: Backend;
  /** Goes in front of every datagram to the backend. */
  readonly header: Buffer | undefined;
  readonly onReply: (flow: UdpFlow, datagram: Buffer) => void;
  /** The backend is gone, or there is no way to it. */
  readonly onFailed: (flow: UdpFlow, code: string) => void;
}

/**
 * One client of a UDP port and the socket that stands for it towards the backend. The socket is
 * connected, so that an ICMP port-unreachable comes back as an error.
 */
export class UdpFlow {
  readonly #socket: Socket;
  #pending: Buffer[] | undefined = [];
  #started = false;
  #closed = false;
  /** The last datagram no answer has come to: it is sent again where the backend turns out to be gone. */
  unanswered: Buffer | undefined;
  /** The backends that turned out to be gone when they were sent that datagram. */
  tried = NOBODY;
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
  }

  /** The first one opens the way to the backend. */
  send(datagram: Buffer, tried = NOBODY): void {
    if (this.#closed) return;
    this.tried = tried;
    this.unanswered = datagram.length <= LARGEST_KEPT ? datagram : undefined;
    if (!this.#pending) this.#write(datagram);
    else if (this.#pending.length < MOST_PENDING) this.#pending.push(datagram);
    if (!this.#started) this.#connect();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#pending = undefined;
    this.#socket.close();
  }

  #connect(): void {
    const { host, port } = this.options.backend;
    this.#started = true;
    // The types leave out that an error comes here, not as an event.
    this.#socket.connect(port, host, (error?: Error) => {
      if (error) this.#failed(error);
      else this.#connected();
    });
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
    const code = error.code ?? 'EUNKNOWN';
    const connected = !this.#pending;
    if (!this.#closed && (!connected || GONE.has(code))) this.options.onFailed(this, code);
  }
}
