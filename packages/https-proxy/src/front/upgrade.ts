import type { Clock } from '@harbor/core';
import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import { pipeline, type Duplex } from 'node:stream';
import { linesOf, without } from '../headers/fields.js';
import { forwardedLines } from '../headers/forwarded.js';
import { readRequest2, type RequestHead } from '../headers/request.js';
import type { Failure } from '../upstream/answer.js';
import type { Connection } from '../upstream/connection.js';
import type { Asker } from '../upstream/pool.js';
import type { ResponseHead } from '../upstream/response.js';
import { failureOf, RETRY, type Surroundings } from './exchange.js';
import { objectOf } from './http2.js';

/** Two ends that speak another protocol from now on; each is told when the other ends. */
function join(client: Duplex, server: Socket, rest: Buffer): void {
  if (rest.length > 0) client.write(rest);
  const ignore = (): void => undefined;
  // Each pipeline listens to both; together that is more than Node takes for no leak.
  for (const end of [client, server]) end.setMaxListeners(20);
  pipeline(client, server, ignore);
  pipeline(server, client, ignore);
}

/** Passes a request to change the protocol on; where the application does not, its answer ends the connection. */
export class Upgrade1 implements Asker {
  #connection: Connection | undefined;
  #answered = false;
  #chunked = false;

  constructor(
    readonly around: Surroundings,
    readonly request: IncomingMessage,
    readonly socket: Duplex,
    readonly first: Buffer,
  ) {
    socket.on('error', () => undefined).on('close', () => around.pool.withdraw(this, this.#connection));
  }

  start(head: RequestHead & { readonly path: string }): void {
    const { method = 'GET', socket } = this.request;
    // Only a WebSocket is passed on; any other wish is not heard, as RFC 9110 (7.8) lets a server do.
    const upgrade = /^websocket$/i.test(head.upgrade ?? '')
      ? 'Connection: Upgrade\r\nUpgrade: websocket\r\n'
      : '';
    const lines = `Host: ${head.host}\r\n${head.lines}${upgrade}${forwardedLines(socket, head.host)}`;
    const sent = { isHead: method === 'HEAD', hasBody: false, again: method === 'GET' };
    this.around.pool.sendAnew({ head: `${method} ${head.path} HTTP/1.1\r\n${lines}\r\n`, ...sent }, this);
  }

  placed(connection: Connection): void {
    this.#connection = connection;
  }

  upgraded(head: ResponseHead, server: Socket, rest: Buffer): void {
    this.#connection = undefined;
    const upgrade = `Connection: Upgrade\r\nUpgrade: ${head.upgrade ?? 'websocket'}\r\n`;
    this.socket.write(`HTTP/1.1 101 ${head.message}\r\n${linesOf(head.fields)}${upgrade}\r\n`, 'latin1');
    if (this.first.length > 0) server.write(this.first);
    join(this.socket, server, rest);
  }

  head({ status, message, fields, chunked }: ResponseHead): void {
    this.#answered = true;
    this.#chunked = chunked;
    const more = chunked ? 'Transfer-Encoding: chunked\r\n' : '';
    this.socket.write(
      `HTTP/1.1 ${status} ${message}\r\n${linesOf(fields)}${more}Connection: close\r\n\r\n`,
      'latin1',
    );
  }

  data(chunk: Buffer): boolean {
    if (this.#chunked) this.socket.write(`${chunk.length.toString(16)}\r\n`, 'latin1');
    let more = this.socket.write(chunk);
    if (this.#chunked) more = this.socket.write('\r\n');
    if (!more) this.socket.once('drain', () => this.#connection?.resume());
    return more;
  }

  end(last: Buffer | undefined, trailers: readonly string[]): void {
    this.#connection = undefined;
    if (last) this.data(last);
    this.socket.end(this.#chunked ? `0\r\n${linesOf(trailers)}\r\n` : undefined);
  }

  failed(failure: Failure, reason: string): void {
    this.#connection = undefined;
    this.around.onFailure(failure, reason);
    if (this.#answered) this.socket.destroy();
    else {
      const { status, text } = failureOf(failure);
      endWith(this.socket, status, text, this.around.pool.options.clock);
    }
  }

  information(): void {
    // Nothing a client that wants another protocol waits for.
  }

  drained(): void {
    // It has no body.
  }
}

/** How long a client may take to close its side of a connection that was refused, ms. */
const LINGER = 2_000;

/** A plain answer on a socket that no HTTP server looks after any more; it is closed soon, whatever the client does. */
export function endWith(socket: Duplex, status: number, text: string, clock: Clock): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  // At once the client might lose the answer to a reset.
  socket.once(
    'close',
    clock.schedule(LINGER, () => socket.destroy()),
  );
  const length = `Content-Length: ${Buffer.byteLength(text)}`;
  const type = 'Content-Type: text/plain; charset=utf-8';
  const retry = status === 503 ? `${RETRY.name}: ${RETRY.value}\r\n` : '';
  socket.end(
    `HTTP/1.1 ${status} ${text.trim().split(':')[0]?.slice(4) ?? ''}\r\n${type}\r\n${length}\r\n${retry}Connection: close\r\n\r\n${text}`,
  );
}

/** A WebSocket in a stream of HTTP/2 (RFC 8441): to the application it is one of HTTP/1.1. */
export class Upgrade2 implements Asker {
  #connection: Connection | undefined;

  constructor(
    readonly around: Surroundings,
    readonly stream: ServerHttp2Stream,
    /** bytes */
    readonly mostHead: number,
    readonly onRefusal: (reason: string) => void,
  ) {
    stream.on('error', () => undefined).on('close', () => around.pool.withdraw(this, this.#connection));
  }

  start(headers: IncomingHttpHeaders, raw: readonly string[]): void {
    const path = headers[':path'] ?? '';
    const authority = headers[':authority'] ?? '';
    const asked = { method: 'GET', path, authority, fields: raw, ended: true };
    const head = readRequest2(asked, this.mostHead);
    if ('status' in head) {
      this.onRefusal(head.reason);
      this.#refuse(head.status);
      return;
    }
    const socket = this.stream.session?.socket;
    if (!socket) return;
    const key = `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n`;
    const upgrade = `Connection: Upgrade\r\nUpgrade: websocket\r\n${key}`;
    const lines = `Host: ${head.host}\r\n${head.lines}${upgrade}${forwardedLines(socket, head.host)}`;
    const sent = { isHead: false, hasBody: false, again: true };
    this.around.pool.sendAnew({ head: `GET ${path} HTTP/1.1\r\n${lines}\r\n`, ...sent }, this);
  }

  placed(connection: Connection): void {
    this.#connection = connection;
  }

  upgraded(head: ResponseHead, server: Socket, rest: Buffer): void {
    this.#connection = undefined;
    try {
      this.stream.respond({ ...objectOf(without(head.fields, ['sec-websocket-accept'])), ':status': 200 });
    } catch (thrown) {
      // A field that HTTP/2 does not know.
      server.destroy();
      this.failed('broken', String(thrown));
      return;
    }
    join(this.stream, server, rest);
  }

  head({ status }: ResponseHead): void {
    this.#connection?.abort();
    this.#refuse(status);
  }

  failed(failure: Failure, reason: string): void {
    this.around.onFailure(failure, reason);
    this.#refuse(failureOf(failure).status);
  }

  #refuse(status: number): void {
    this.#connection = undefined;
    if (!this.stream.destroyed && !this.stream.headersSent)
      this.stream.respond(
        { ':status': status, ...(status === 503 ? { [RETRY.name]: RETRY.value } : {}) },
        { endStream: true },
      );
  }

  data(): boolean {
    return true;
  }

  end(): void {
    this.#connection = undefined;
  }

  information(): void {
    // Nothing a client that wants a WebSocket waits for.
  }

  drained(): void {
    // It has no body.
  }
}
