import { backendId, type Backend, type Clock, type Millis } from '@harbor/core';
import { plainAddress } from './plain-address.js';
import type { End, Ends } from './ends/end.js';
import { headerV1, headerV2 } from './proxy-protocol/write.js';

/** What a connection needs of its listener. */
export interface ConnectionHost {
  /** The next backend to try that is not among those tried; undefined when none is left. */
  next(tried: ReadonlySet<string>): Backend | undefined;
  failed(backend: Backend, code: string): void;
  connected(backend: Backend): void;
  closed(connection: TcpConnection): void;
  readonly ends: Ends;
  readonly clock: Clock;
  readonly connectTimeout: Millis;
  readonly proxyProtocol: 'v1' | 'v2' | undefined;
}

const NONE: ReadonlySet<string> = new Set();

/** One client, from its arrival until both its directions have ended. */
export class TcpConnection {
  /** Who serves it; undefined while nobody does yet. */
  backend: Backend | undefined;
  #upstream: End | undefined;
  #cancelTimeout: (() => void) | undefined;
  #tried: Set<string> | undefined;
  #over = false;
  #moved = 0;
  #movedAt: Millis = 0;

  constructor(
    readonly client: End,
    readonly host: ConnectionHost,
  ) {}

  get address(): string {
    return plainAddress(this.client.remote.host);
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
    const backend = this.host.next(this.#tried ?? NONE);
    if (backend) this.#try(backend);
    else this.reset();
  }

  /** Ends it at once, towards both sides. */
  reset(): void {
    this.#cancelTimeout?.();
    this.client.reset();
    this.#upstream?.reset();
    this.#finish();
  }

  /** When bytes were last seen to have moved, in either direction; it is for the caller to look often. */
  lastMoved(now: Millis): Millis {
    const { bytesRead, bytesWritten, unsent } = this.client;
    const moved = bytesRead + bytesWritten - unsent;
    if (moved !== this.#moved) [this.#moved, this.#movedAt] = [moved, now];
    return this.#movedAt;
  }

  #try(backend: Backend): void {
    const { ends, clock, connectTimeout } = this.host;
    const upstream = ends.connect(backend, (failure) => {
      this.#cancelTimeout?.();
      if (this.#over || this.#upstream !== upstream) return;
      if (failure === undefined) this.#join(backend, upstream);
      else this.#failed(backend, failure);
    });
    this.#upstream = upstream;
    this.#cancelTimeout = clock.schedule(connectTimeout, () => {
      upstream.reset();
      if (this.#upstream === upstream) this.#failed(backend, 'ETIMEDOUT');
    });
  }

  #failed(backend: Backend, code: string): void {
    this.#upstream = undefined;
    if (this.#over) return;
    (this.#tried ??= new Set()).add(backendId(backend));
    this.host.failed(backend, code);
    this.serve();
  }

  #join(backend: Backend, upstream: End): void {
    this.backend = backend;
    this.#movedAt = this.host.clock.now();
    this.host.ends.splice(this.client, upstream, this.#header(), () => this.#finish());
    this.host.connected(backend);
  }

  #header(): Buffer | undefined {
    const version = this.host.proxyProtocol;
    if (!version) return undefined;
    const { remote, local } = this.client;
    const ends = {
      source: plainAddress(remote.host),
      sourcePort: remote.port,
      destination: plainAddress(local.host),
      destinationPort: local.port,
    };
    return version === 'v1' ? headerV1(ends) : headerV2(ends, 'tcp');
  }

  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    this.host.closed(this);
  }
}
