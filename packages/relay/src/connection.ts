import { backendId, type Backend } from '@harbor/core';
import { connect, type Socket } from 'node:net';
import { plainAddress } from './access.js';
import { headerV1, headerV2 } from './proxy-protocol.js';
import { splice } from './splice.js';

/** What a connection needs of its listener. */
export interface ConnectionHost {
  /** The next backend to try that is not among those tried; undefined when none is left. */
  next(tried: ReadonlySet<string>): Backend | undefined;
  failed(backend: Backend, code: string): void;
  connected(connection: TcpConnection, backend: Backend): void;
  closed(connection: TcpConnection): void;
  readonly connectTimeout: number;
  readonly proxyProtocol: 'v1' | 'v2' | undefined;
}

/** One client, from its arrival until both its directions have ended. */
export class TcpConnection {
  /** Who serves it; undefined while nobody does yet. */
  backend: Backend | undefined;
  readonly address: string;
  #upstream: Socket | undefined;
  readonly #tried = new Set<string>();
  #over = false;

  constructor(
    readonly client: Socket,
    readonly host: ConnectionHost,
  ) {
    this.address = plainAddress(client.remoteAddress ?? '');
    client.on('error', ignore);
    client.once('close', () => this.#clientGone());
  }

  get bytesIn(): number {
    return this.client.bytesRead;
  }

  get bytesOut(): number {
    return this.client.bytesWritten;
  }

  /** Finds a backend that accepts; with none left the client is reset. */
  serve(): void {
    if (this.#over) return;
    const backend = this.host.next(this.#tried);
    if (backend) this.#try(backend);
    else this.reset();
  }

  /** Ends it at once, towards both sides. */
  reset(): void {
    if (!this.client.destroyed) this.client.resetAndDestroy();
    if (this.#upstream && !this.#upstream.destroyed) this.#upstream.resetAndDestroy();
    this.#finish();
  }

  /** Calls `expired` whenever neither side has sent anything for `ms`; 0 turns it off. */
  watchIdle(ms: number, expired: () => void): void {
    this.client.setTimeout(ms, expired);
  }

  #try(backend: Backend): void {
    this.#tried.add(backendId(backend));
    const upstream = connect({ host: backend.host, port: backend.port, allowHalfOpen: true, noDelay: true });
    this.#upstream = upstream;
    const failed = (error: NodeJS.ErrnoException): void => {
      upstream.destroy();
      if (this.#over) return;
      this.host.failed(backend, error.code ?? 'EUNKNOWN');
      this.serve();
    };
    upstream.once('error', failed);
    upstream.setTimeout(this.host.connectTimeout, () => {
      upstream.off('error', failed).on('error', ignore);
      failed(Object.assign(new Error('timed out'), { code: 'ETIMEDOUT' }));
    });
    upstream.once('connect', () => {
      upstream.off('error', failed).on('error', ignore);
      upstream.setTimeout(0);
      this.#join(backend, upstream);
    });
  }

  #join(backend: Backend, upstream: Socket): void {
    this.backend = backend;
    const header = this.#header();
    if (header) upstream.write(header);
    this.host.connected(this, backend);
    splice(this.client, upstream, () => this.#finish());
  }

  #header(): Buffer | undefined {
    const version = this.host.proxyProtocol;
    if (!version) return undefined;
    const ends = {
      source: this.address,
      sourcePort: this.client.remotePort ?? 0,
      destination: plainAddress(this.client.localAddress ?? ''),
      destinationPort: this.client.localPort ?? 0,
    };
    return version === 'v1' ? headerV1(ends) : headerV2(ends, 'tcp');
  }

  /** While a backend is being sought nobody else looks after the client. */
  #clientGone(): void {
    if (this.backend) return;
    this.#upstream?.destroy();
    this.#finish();
  }

  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    this.host.closed(this);
  }
}

function ignore(): void {
  // The 'close' that follows says all that matters.
}
