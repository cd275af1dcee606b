import type { Certificates } from '@harbor/certificates';
import { createServer as createHttp2, type Http2Server } from 'node:http2';
import { createServer, type Server } from 'node:https';
import type { SecureContext, TLSSocket } from 'node:tls';

/** What a client may use up before it has asked anything. */
export interface Limits {
  /** bytes */
  readonly headerSize: number;
  /** For the handshake, and for the head of a request, ms. */
  readonly headTimeout: number;
  /** How long a connection without a request is kept, and a client that does not go on, ms. */
  readonly idleTimeout: number;
  readonly maxConnections: number;
}

export interface ServerOptions {
  readonly certificates: Certificates;
  readonly limits: Limits;
  /** What session tickets are sealed with, 48 bytes; random unless given. */
  readonly ticketKeys?: Buffer;
}

export interface Servers {
  /** It listens, and speaks HTTP/1.1 itself. */
  readonly https: Server;
  /** It is given those connections that negotiate HTTP/2. */
  readonly http2: Http2Server;
}

/** A host name as a client may ask for; nothing else is looked up or logged. */
const NAME = /^[a-z0-9_](?:[a-z0-9_.-]{0,252})$/i;

/** Requests that a connection may have under way, of HTTP/2 or one behind the other; browsers use up to 100. */
export const STREAMS = 100;

/**
 * One port, two servers: ALPN decides which of them a connection is for. Each is Node's own, so that each
 * protocol is read by the parser that Node's releases look after.
 */
export function createServers({ certificates, limits, ticketKeys }: ServerOptions): Servers {
  const { served } = certificates;
  const https = createServer({
    ...served.options,
    ...(ticketKeys ? { ticketKeys } : {}),
    sessionIdContext: 'harbor_https_proxy',
    ALPNProtocols: ['h2', 'http/1.1'],
    SNICallback: (name, done: (error: Error | null, context?: SecureContext) => void) => {
      if (NAME.test(name)) done(null, certificates.served.contextFor(name));
      else done(new Error('the server name asked for is no host name'));
    },
    handshakeTimeout: limits.headTimeout,
    headersTimeout: limits.headTimeout,
    // A body may come as slowly as it likes, as long as it comes.
    requestTimeout: 0,
    connectionsCheckingInterval: 1_000,
    keepAliveTimeout: limits.idleTimeout,
    maxHeaderSize: limits.headerSize,
    insecureHTTPParser: false,
    noDelay: true,
    keepAlive: true,
  });
  https.maxHeadersCount = 0;
  https.maxConnections = limits.maxConnections;
  https.timeout = limits.idleTimeout;
  const http2 = createHttp2({
    settings: {
      maxConcurrentStreams: STREAMS,
      enableConnectProtocol: true,
      maxHeaderListSize: limits.headerSize,
    },
    maxSessionMemory: 10,
    maxHeaderListPairs: 256,
    maxSessionInvalidFrames: 50,
    maxSessionRejectedStreams: 50,
  });
  // Node's own would read every connection as HTTP/1.1.
  const first = https.listeners('secureConnection') as ((socket: TLSSocket) => void)[];
  https.removeAllListeners('secureConnection').removeAllListeners('tlsClientError');
  https.on('secureConnection', (socket: TLSSocket) => {
    if (socket.alpnProtocol === 'h2') http2.emit('connection', socket);
    else for (const listener of first) listener.call(https, socket);
  });
  return { https, http2 };
}
