import {
  backendId,
  FirstComeQueue,
  HarborError,
  type Backend,
  type Clock,
  type Random,
  type Route,
  type RoutePolicy,
} from '@harbor/core';
import { Access } from '@harbor/wire';
import type { RemoteInfo, Socket } from 'node:dgram';
import { plainAddress } from './plain-address.js';
import { Health, isLocal } from './health.js';
import type { Listener, ListenerOptions, ListenerStats } from './listener.js';
import { headerV2 } from './proxy-protocol/write.js';
import { UdpFlow } from './udp-flow.js';

/** Clients a port remembers at most; beyond that the one silent for longest is forgotten. */
const MOST_FLOWS = 10_000;

/** A UDP port: all clients go to the primary, the first of the queue. */
export class UdpListener implements Listener {
  readonly #queue = new FirstComeQueue();
  readonly #health: Health;
  /** In order of use, the longest silent first. */
  readonly #flows = new Map<string, UdpFlow>();
  #access = new Access({});
  #policy: RoutePolicy = {};
  #cancelSweep: (() => void) | undefined;
  #total = 0;
  #refused = 0;
  #bytesIn = 0;
  #bytesOut = 0;

  constructor(
    readonly socket: Socket,
    readonly options: ListenerOptions & { readonly clock: Clock; readonly random: Random },
  ) {
    this.#health = new Health(options.clock, options.random);
    socket.on('message', (datagram, client) => this.#receive(datagram, client));
    socket.on('error', (cause) => {
      options.failed(new HarborError('HARBOR_INTERNAL', `receiving failed: ${cause.message}`, { cause }));
    });
  }

  update(route: Route): void {
    const rulesChanged = route.policy.allow !== this.#policy.allow || route.policy.deny !== this.#policy.deny;
    const idleChanged = route.policy.idleTimeout !== this.#policy.idleTimeout;
    this.#policy = route.policy;
    if (idleChanged) this.#sweepAgain();
    if (rulesChanged) this.#access = new Access(route.policy);
    this.#queue.set(route.backends);
    this.#health.keep(route.backends);
    const { primary } = this.#queue;
    for (const [key, flow] of this.#flows) {
      const { backend, client } = flow.options;
      const moved =
        !primary || backendId(primary) !== backendId(backend) || primary.instance !== backend.instance;
      if (moved || !this.#access.admits(plainAddress(client.address))) this.#drop(key, flow);
    }
  }

  close(done: () => void): void {
    this.reset();
    this.socket.close();
    done();
  }

  reset(): void {
    this.#cancelSweep?.();
    this.#cancelSweep = undefined;
    for (const [key, flow] of this.#flows) this.#drop(key, flow);
  }

  stats(): ListenerStats {
    return {
      connectionsOpen: this.#flows.size,
      connectionsTotal: this.#total,
      bytesIn: this.#bytesIn,
      bytesOut: this.#bytesOut,
      refused: this.#refused,
      backends: this.#health.of(this.#queue.members),
    };
  }

  #receive(datagram: Buffer, client: RemoteInfo): void {
    if (this.#forward(datagram, client)) this.#bytesIn += datagram.length;
    else this.#refused++;
  }

  #forward(datagram: Buffer, client: RemoteInfo, tried?: ReadonlySet<string>): boolean {
    const key = `${client.address} ${client.port}`;
    const flow = this.#flows.get(key) ?? this.#open(key, client);
    if (!flow) return false;
    this.#touch(key, flow);
    flow.send(datagram, tried);
    return true;
  }

  /** A new client's flow; undefined where it may not come in or nobody is there to serve it. */
  #open(key: string, client: RemoteInfo): UdpFlow | undefined {
    const backend = this.#queue.primary;
    const limit = this.#policy.maxConnections ?? this.options.settings().maxConnections;
    if (!backend || !this.#access.admits(plainAddress(client.address))) return undefined;
    if (limit > 0 && this.#flows.size >= limit) return undefined;
    if (this.#flows.size >= MOST_FLOWS) {
      const [oldest] = this.#flows;
      if (oldest) this.#drop(...oldest);
    }
    this.#total++;
    const flow = new UdpFlow({
      client,
      backend,
      header: this.#header(client),
      onReply: (from, datagram) => this.#reply(key, from, datagram),
      onFailed: (from, code) => this.#failed(key, from, code),
    });
    this.#flows.set(key, flow);
    this.#sweepLater();
    return flow;
  }

  #reply(key: string, flow: UdpFlow, datagram: Buffer): void {
    if (this.#flows.get(key) !== flow) return;
    this.#health.succeeded(flow.options.backend);
    this.#bytesOut += datagram.length;
    this.#touch(key, flow);
    const { client } = flow.options;
    // A client whose address cannot be reached any more is its own business.
    this.socket.send(datagram, client.port, client.address, () => undefined);
  }

  /** The backend is gone: the next in the queue takes over, and the datagrams in question go there. */
  #failed(key: string, flow: UdpFlow, code: string): void {
    const { backend } = flow.options;
    this.#drop(key, flow);
    if (isLocal(code)) return;
    this.#health.failed(backend, code);
    this.options.backendFailed({ backend, reason: code });
    if (!this.#queue.fail(backend, this.options.clock.now())) return;
    for (const each of [flow, ...this.#dropAll(backend)]) this.#sendAgain(each);
  }

  /** To the new primary, unless it was among those that failed: a datagram never goes round in circles. */
  #sendAgain({ options: { backend, client }, unanswered, tried }: UdpFlow): void {
    const { primary } = this.#queue;
    if (!unanswered || !primary || tried.has(backendId(primary))) return;
    this.#forward(unanswered, client, new Set([...tried, backendId(backend)]));
  }

  #dropAll(backend: Backend): UdpFlow[] {
    const dropped = [...this.#flows].filter(
      ([, { options }]) => backendId(options.backend) === backendId(backend),
    );
    for (const [key, flow] of dropped) this.#drop(key, flow);
    return dropped.map(([, flow]) => flow);
  }

  #drop(key: string, flow: UdpFlow): void {
    if (this.#flows.get(key) === flow) this.#flows.delete(key);
    flow.close();
  }

  #touch(key: string, flow: UdpFlow): void {
    flow.used = this.options.clock.now();
    this.#flows.delete(key);
    this.#flows.set(key, flow);
  }

  /** A shorter idle_timeout must not wait for what was planned with the longer one. */
  #sweepAgain(): void {
    this.#cancelSweep?.();
    this.#cancelSweep = undefined;
    if (this.#flows.size > 0) this.#sweepLater();
  }

  /** One timer for all flows of the port, not one per datagram. */
  #sweepLater(): void {
    if (this.#cancelSweep) return;
    const own = this.#policy.idleTimeout ?? 0;
    const idle = (own > 0 ? own : this.options.settings().udpIdleTimeout) * 1_000;
    this.#cancelSweep = this.options.clock.schedule(idle / 4, () => {
      this.#cancelSweep = undefined;
      const limit = this.options.clock.now() - idle;
      for (const [key, flow] of this.#flows) {
        if (flow.used > limit) break;
        this.#drop(key, flow);
      }
      if (this.#flows.size > 0) this.#sweepLater();
    });
  }

  #header(client: RemoteInfo): Buffer | undefined {
    // Version 1 has no form for UDP.
    if (this.#policy.proxyProtocol !== 'v2') return undefined;
    const { address, port } = this.socket.address();
    const source = plainAddress(client.address);
    const own = plainAddress(address);
    // A wildcard socket does not know which of its addresses was meant.
    const destination = own === '::' && !source.includes(':') ? '0.0.0.0' : own;
    return headerV2({ source, sourcePort: client.port, destination, destinationPort: port }, 'udp');
  }
}
