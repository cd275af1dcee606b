import type { Certificates } from '@harbor/certificates';
import { HarborError, type Clock } from '@harbor/core';
import type { LimitedReporter } from '@harbor/log';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { IncomingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import type { Surroundings } from './front/exchange.js';
import { guardSession } from './front/flood.js';
import { Exchange1, readRequest } from './front/http1.js';
import { Exchange2 } from './front/http2.js';
import { expectHeaders } from './front/sources.js';
import { createServers, STREAMS, type Limits, type Servers } from './front/tls.js';
import { endWith, Upgrade1, Upgrade2 } from './front/upgrade.js';
import { Pool } from './upstream/pool.js';

export interface ProxyOptions {
  readonly listen: { readonly host?: string; readonly port: number };
  readonly to: { readonly host: string; readonly port: number };
  readonly limits: Limits;
  /** Connections begin with a PROXY protocol header, which names their source. */
  readonly proxyProtocol: boolean;
  /** ms */
  readonly upstreamTimeout: number;
  /** How many connections to the application there may be. */
  readonly mostUpstream: number;
  /** How many requests may wait for one. */
  readonly mostWaiting: number;
  readonly certificates: Certificates;
  /** What session tickets are sealed with, 48 bytes, where others serve the same port; random otherwise. */
  readonly ticketKeys?: Buffer;
  readonly clock: Clock;
  readonly reporter: LimitedReporter;
}

/** The HTTPS proxy in front of one application server. */
export class Proxy {
  readonly #servers: Servers;
  readonly #around: Surroundings;
  readonly #pool: Pool;
  readonly #sessions = new Map<ServerHttp2Session, Set<ServerHttp2Stream>>();
  readonly #uploads = new WeakMap<object, IncomingMessage>();
  readonly #sockets = new Set<Duplex>();
  /** How many requests of a connection of HTTP/1.1 have no answer yet. */
  readonly #waiting = new WeakMap<Duplex, number>();
  /** Connections of HTTP/1.1 that have asked nothing yet: Node does not count them as idle. */
  readonly #silent = new Set<Duplex>();
  /** Streams of HTTP/2 that speak another protocol. */
  readonly #webSockets = new WeakSet<ServerHttp2Stream>();
  /** Ends the connections that are no more than open. */
  #endBare: () => void = () => undefined;
  #closing = false;

  constructor(readonly options: ProxyOptions) {
    const { to, upstreamTimeout, mostUpstream, mostWaiting, clock, reporter } = options;
    const limits = { timeout: upstreamTimeout, mostConnections: mostUpstream, mostWaiting };
    this.#pool = new Pool({ ...to, ...limits, clock });
    this.#around = {
      pool: this.#pool,
      onFailure: (failure, reason) => {
        const where = `${to.host}:${to.port}`;
        reporter.report(`upstream_${failure}`, {
          event: 'upstream_failed',
          failure,
          upstream: where,
          reason: `the application's server on ${where} is ${failure}: ${reason}`,
        });
      },
    };
    this.#servers = createServers(options);
    this.#serve1();
    this.#serve2();
    if (options.proxyProtocol)
      this.#endBare = expectHeaders(this.#servers.https, {
        clock,
        headTimeout: options.limits.headTimeout,
        onRefusal: (reason) => this.#refused('proxy_protocol', reason),
      });
  }

  /** Resolves with the port when it listens. Errors: HARBOR_ADDRESS_IN_USE. */
  listen(): Promise<number> {
    const { https } = this.#servers;
    const { host, port } = this.options.listen;
    return new Promise((resolve, reject) => {
      https.once('error', (cause: NodeJS.ErrnoException) => {
        const code = cause.code === 'EADDRINUSE' ? 'HARBOR_ADDRESS_IN_USE' : 'HARBOR_INTERNAL';
        reject(new HarborError(code, `port ${port} cannot be listened on: ${cause.message}`, { cause }));
      });
      https.listen({ port, ...(host === undefined ? {} : { host }), backlog: 1_024 }, () => {
        const address = https.address();
        resolve(typeof address === 'object' && address ? address.port : port);
      });
    });
  }

  /** New connections get what is served now; those that stand keep what they have. */
  renew(): void {
    this.#servers.https.setSecureContext(this.options.certificates.served.options);
  }

  /** Takes no new connection, lets the requests under way end for up to `patience` ms, and ends the rest. */
  async close(patience: number): Promise<void> {
    const { https } = this.#servers;
    this.#closing = true;
    const closed = new Promise<void>((done) => https.close(() => done()));
    https.closeIdleConnections();
    this.#endBare();
    for (const socket of this.#silent) socket.destroy();
    for (const session of this.#sessions.keys()) session.close();
    const cancel = this.options.clock.schedule(patience, () => {
      https.closeAllConnections();
      for (const session of this.#sessions.keys()) session.destroy();
      for (const socket of this.#sockets) socket.destroy();
    });
    await closed;
    cancel();
    this.#pool.close();
  }

  #serve1(): void {
    const { https } = this.#servers;
    const endRefused = (socket: Duplex, status: number, text: string): void =>
      endWith(socket, status, text, this.options.clock);
    https.on('secureConnection', (socket: TLSSocket) => {
      if (socket.alpnProtocol === 'h2') return;
      // It was on its way when the end came.
      if (this.#closing) socket.destroy();
      this.#silent.add(socket);
      socket.once('close', () => this.#silent.delete(socket));
    });
    const serve = (request: IncomingMessage, response: ServerResponse): void => {
      const { socket } = request;
      this.#silent.delete(socket);
      // It came in one block with the one that was too many.
      if (socket.destroyed) return;
      if (!this.#waits(socket, response)) {
        this.#refused('pipelined', 'a client asks on and on without waiting for answers');
        socket.destroy();
        return;
      }
      const read = readRequest(request);
      const exchange = new Exchange1(this.#around, request, response, () => this.#closing);
      if ('reason' in read) {
        this.#refused('bad_request', read.reason);
        exchange.turnDown(read.status, read.reason);
        return;
      }
      if (read.body !== 'none') this.#uploads.set(socket, request);
      exchange.start(read);
    };
    https.on('request', serve).on('checkContinue', serve);
    https.on('upgrade', (request: IncomingMessage, socket: Duplex, first: Buffer) => {
      this.#silent.delete(socket);
      const read = readRequest(request);
      const reason =
        'reason' in read ? read.reason : read.body === 'none' ? undefined : 'an upgrade with a body';
      if ('reason' in read || reason !== undefined) {
        this.#refused('bad_request', reason ?? '');
        endRefused(socket, 400, `400 Bad Request: ${reason}\n`);
        return;
      }
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
      new Upgrade1(this.#around, request, socket, first).start(read);
    });
    https.on('connect', (_: IncomingMessage, socket: Duplex) =>
      endRefused(socket, 405, '405 Method Not Allowed: this is no proxy for other servers\n'),
    );
    https.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
      const { code = '' } = error;
      if (code === 'ECONNRESET' || !socket.writable) {
        socket.destroy();
        return;
      }
      this.#refused('bad_request', `${code} ${error.message}`);
      if (code === 'HPE_HEADER_OVERFLOW')
        endRefused(
          socket,
          431,
          '431 Request Header Fields Too Large: the head of the request is too large\n',
        );
      else if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
        endRefused(socket, 408, '408 Request Timeout: the head of the request takes too long\n');
      else endRefused(socket, 400, '400 Bad Request: this is no HTTP\n');
    });
    https.on('tlsClientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
      if (error.code !== 'ECONNRESET') this.#refused('tls', error.code ?? error.message);
      socket.destroy();
    });
    https.on('drop', () => this.#refused('too_many', 'there are as many connections as there may be'));
    https.on('timeout', (socket: Duplex) => {
      // Whoever waits for the application waits; whoever lets it wait does not.
      const upload = this.#uploads.get(socket);
      const lets = (upload !== undefined && !upload.complete) || socket.writableLength > 0;
      if (lets) this.#refused('stalled', 'a client neither sends nor takes anything');
      if (lets) socket.destroy();
    });
  }

  /** Counts a request until it is answered; false where its connection has as many as it may. */
  #waits(socket: Duplex, response: ServerResponse): boolean {
    const waiting = this.#waiting.get(socket) ?? 0;
    this.#waiting.set(socket, waiting + 1);
    response.on('close', () => {
      const left = (this.#waiting.get(socket) ?? 1) - 1;
      this.#waiting.set(socket, left);
      // The answer had begun before the end came, and did not say that it is the last.
      if (this.#closing && left === 0) socket.end();
    });
    return waiting < STREAMS;
  }

  #serve2(): void {
    const { http2 } = this.#servers;
    const { clock, limits } = this.options;
    const turnedDown = (reason: string): void => this.#refused('bad_request', reason);
    const watches = new WeakMap<ServerHttp2Session, (stream: ServerHttp2Stream) => boolean>();
    http2.on('session', (session: ServerHttp2Session) => {
      const streams = new Set<ServerHttp2Stream>();
      this.#sessions.set(session, streams);
      watches.set(
        session,
        guardSession(session, clock, (frame) =>
          this.#refused('flood', `a client sends ${frame} frames without end`),
        ),
      );
      session.on('close', () => this.#sessions.delete(session));
      session.on('error', (error: NodeJS.ErrnoException) => {
        if (error.code !== 'ECONNRESET') this.#refused('http2', error.message);
      });
      session.setTimeout(limits.idleTimeout, () => {
        if (streams.size === 0) session.close();
        else if ([...streams].some((stream) => this.#stalls(stream))) {
          this.#refused('stalled', 'a client neither sends nor takes anything');
          session.destroy();
        }
      });
      if (this.#closing) session.close();
    });
    http2.on('sessionError', (error: Error) => this.#refused('http2', error.message));
    http2.on(
      'stream',
      (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, flags: number, raw: readonly string[]) => {
        const session = stream.session as ServerHttp2Session | undefined;
        if (!session) return;
        const streams = this.#sessions.get(session);
        streams?.add(stream);
        stream.on('close', () => streams?.delete(stream));
        if (watches.get(session)?.(stream) === false) return;
        if (headers[':method'] === 'CONNECT' && headers[':protocol'] === 'websocket') {
          this.#webSockets.add(stream);
          new Upgrade2(this.#around, stream, limits.headerSize, turnedDown).start(headers, raw);
        } else new Exchange2(this.#around, stream, limits.headerSize, turnedDown).start(headers, raw, flags);
      },
    );
  }

  /** A client that lets the application wait; one with a WebSocket has not always something to say. */
  #stalls(stream: ServerHttp2Stream): boolean {
    return stream.writableNeedDrain || (!stream.readableEnded && !this.#webSockets.has(stream));
  }

  #refused(kind: string, reason: string): void {
    this.options.reporter.report(`refused_${kind}`, { event: 'refused', kind, reason: `refused: ${reason}` });
  }
}
