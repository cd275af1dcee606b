import { HarborError } from '@harbor/core';
import type { Logger } from '@harbor/log';
import { gatewayUrl } from '@harbor/config';
import { liveSettings, type Place } from '@harbor/runtime';
import { CORE_CHANNELS, joinRequest, parseJson, type CoreChannel, type JoinReply } from '@harbor/wire';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { ensureAuthority, readAuthority } from './authority.js';
import { JoinDesk } from './join-desk.js';
import { splice } from './splice.js';

/** How long a stranger may take for the handshake and to say what he wants, ms. */
const PATIENCE = 10_000;
/** The longest request to join, bytes. */
const LONGEST = 4_096;
/** Connections at most; a node needs some ten. */
const MOST = 5_000;

/**
 * Where other nodes reach a core: one port, TLS, behind which are its Redis, NATS and gateway, and the desk
 * that lets nodes in. Those servers stay on loopback, and everything on this machine goes on as before.
 */
export class Front {
  #server: Server | undefined;
  #opening: Promise<void> | undefined;

  constructor(
    readonly place: Place,
    readonly log: Logger,
    readonly now: () => number,
  ) {}

  /** Opens it where a node was to be attached before. Whatever is wrong is logged: Harbor works without. */
  async resume(): Promise<void> {
    try {
      if (!this.place.core && readAuthority(this.place.home)) await this.open();
    } catch (thrown) {
      this.log.error({ event: 'front_closed', err: thrown }, 'other nodes cannot reach this core');
    }
  }

  /** Resolves when nodes can come. Errors: HARBOR_NODE_ATTACHED, HARBOR_ADDRESS_IN_USE, HARBOR_CONFIG_INVALID. */
  async open(): Promise<void> {
    if (this.place.core)
      throw new HarborError(
        'HARBOR_NODE_ATTACHED',
        'this node is attached to a core; nodes are attached there',
      );
    this.#opening ??= this.#listen();
    try {
      await this.#opening;
    } catch (error) {
      this.#opening = undefined;
      throw error;
    }
  }

  close(): void {
    this.#server?.close();
  }

  #listen(): Promise<void> {
    const { join_host: host, join_port: port } = this.place.load({}).kato;
    const { ca, certificate, key } = ensureAuthority(this.place.home, new Date(this.now()));
    const server = createServer({
      key,
      cert: `${certificate}${ca}`,
      minVersion: 'TLSv1.2',
      ALPNProtocols: Object.values(CORE_CHANNELS),
      handshakeTimeout: PATIENCE,
    });
    server.maxConnections = MOST;
    server.on('secureConnection', (socket) => this.#serve(socket));
    server.on('tlsClientError', () => undefined);
    this.#server = server;
    // `::` takes IPv4 as well, where the machine has IPv6 at all.
    const listens = (at: string) =>
      new Promise<void>((resolve, reject) => {
        server.once('error', reject).listen(port, at, () => {
          server.off('error', reject);
          resolve();
        });
      });
    const listening =
      host === '0.0.0.0'
        ? listens('::').catch((cause: unknown) => {
            if ((cause as NodeJS.ErrnoException).code === 'EADDRINUSE') throw cause;
            return listens(host);
          })
        : listens(host);
    return listening.then(
      () => this.log.info({ event: 'front_open', host, port }, `other nodes reach this core at port ${port}`),
      (cause: unknown) => {
        const message = `other nodes cannot reach this core at ${host}:${port} (${String(cause)}); set kato join_port`;
        throw new HarborError('HARBOR_ADDRESS_IN_USE', message, { cause });
      },
    );
  }

  #serve(socket: TLSSocket): void {
    socket.on('error', () => socket.destroy());
    const named = Object.entries(CORE_CHANNELS).find(([, name]) => name === socket.alpnProtocol);
    const channel = named?.[0] as CoreChannel | undefined;
    if (channel === undefined) socket.destroy();
    else if (channel === 'join') this.#join(socket);
    else if (channel === 'redis') splice(socket, connect(this.place.load({}).harbor_redis.port, '127.0.0.1'));
    else void this.#connect(channel, socket);
  }

  /** To a server whose port may have been set with `kato config set`, which Redis keeps. */
  async #connect(channel: 'nats' | 'gateway', socket: TLSSocket): Promise<void> {
    try {
      const { settings } = await liveSettings(this.place);
      const { hostname, port } = new URL(gatewayUrl(settings));
      const gateway = { host: hostname.replace(/[[\]]/g, ''), port: Number(port) };
      splice(
        socket,
        connect(channel === 'gateway' ? gateway : { port: settings.nats_server.port, host: '127.0.0.1' }),
      );
    } catch {
      socket.destroy();
    }
  }

  #join(socket: TLSSocket): void {
    socket.setTimeout(PATIENCE, () => socket.destroy());
    let bytes = 0;
    socket.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > LONGEST) socket.destroy();
    });
    createInterface({ input: socket }).once('line', (line) => {
      void this.#answer(line, socket.remoteAddress ?? '').then((reply) =>
        socket.end(`${JSON.stringify(reply)}\n`),
      );
    });
  }

  async #answer(line: string, from: string): Promise<JoinReply> {
    let reply: JoinReply;
    try {
      const request = parseJson(joinRequest, line, 'HARBOR_REQUEST_INVALID', 'the request');
      reply = await new JoinDesk(this.place, this.now).answer(request);
      if (reply.joined)
        this.log.info({ event: 'node_joined', node: request.node_id, from }, 'a node was attached');
    } catch {
      reply = { joined: false, error: 'HARBOR_REQUEST_INVALID', description: 'this is no request to join' };
    }
    if (!reply.joined) {
      const { error: code, description: reason } = reply;
      this.log.warn({ event: 'join_refused', code, reason, from }, 'a node was refused');
    }
    return reply;
  }
}
