import { backendId, type Backend, type Clock, type Millis } from '@harbor/core';
import { connect, type Socket } from 'node:net';
import { plainAddress } from './access.js';
import { headerV1, headerV2 } from './proxy-protocol.js';
import { splice } from './splice.js';

/** What a connection needs of its listener. */
export interface ConnectionHost {
  /** The next backend to try that is not among those tried; undefined when none is left. */
  next(tried: ReadonlySet<string>): Backend | undefined;
  failed(backend: Backend, code: string): void;
  connected(backend: Backend): void;
  closed(connection: TcpConnection): void;
  readonly clock: Clock;
  readonly connectTimeout: Millis;
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
  #moved = 0;
  #movedAt: Millis = 0;

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
    // One that is not connected yet has nobody to be reset towards.
    if (this.#upstream?.connecting) this.#upstream.destroy();
    else if (this.#upstream && !this.#upstream.destroyed) this.#upstream.resetAndDestroy();
    this.#finish();
  }

  /** When bytes were last seen to have moved, in either direction; it is for the caller to look often. */
  lastMoved(now: Millis): Millis {
    const moved = this.client.bytesRead + this.client.bytesWritten - this.client.writableLength;
    if (moved !== this.#moved) [this.#moved, this.#movedAt] = [moved, now];
    return this.#movedAt;
  }

  #try(backend: Backend): void {
    this.#tried.add(backendId(backend));
    const upstream = connect({ host: backend.host, port: backend.port, allowHalfOpen: true, noDelay: true });
    this.#upstream = upstream;
    const failed = (error: NodeJS.ErrnoException): void => {
      if (this.#over) return;
      this.host.failed(backend, error.code ?? 'EUNKNOWN');
      this.serve();
    };
    const timedOut = (): unknown =>
      upstream.destroy(Object.assign(new Error('timed out'), { code: 'ETIMEDOUT' }));
    const cancel = this.host.clock.schedule(this.host.connectTimeout, timedOut);
    upstream.once('close', cancel);
    upstream.once('error', failed);
    upstream.once('connect', () => {
      cancel();
      upstream.off('error', failed).on('error', ignore);
      this.#join(backend, upstream);
    });
  }

  #join(backend: Backend, upstream: Socket): void {
    this.backend = backend;
    this.#movedAt = this.host.clock.now();
    const header = this.#header();
    if (header) upstream.write(header);
    this.host.connected(backend);
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
