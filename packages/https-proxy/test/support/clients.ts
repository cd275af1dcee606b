import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect as connectHttp2, type ClientHttp2Session, type OutgoingHttpHeaders } from 'node:http2';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import { connect, type TLSSocket } from 'node:tls';
import type { Test } from 'tap';
import { CA } from './stage.js';

export interface Got {
  readonly status: number;
  readonly fields: readonly string[];
  readonly body: string;
  readonly trailers: readonly string[];
  /** Statuses of the answers before the last. */
  readonly before: readonly number[];
}

/** An HTTP/1.1 request over TLS; `body` is sent in the pieces given. */
export function ask(
  port: number,
  path: string,
  more: RequestOptions & { body?: readonly (string | Buffer)[]; trailers?: Record<string, string> } = {},
): Promise<Got> {
  const { body = [], trailers, ...options } = more;
  return new Promise((done, failed) => {
    const asked = httpsRequest({
      host: '127.0.0.1',
      port,
      path,
      ca: CA.certificate,
      servername: 'localhost',
      agent: false,
      ...options,
    });
    const before: number[] = [];
    asked.on('information', ({ statusCode }: { statusCode: number }) => before.push(statusCode));
    asked.once('error', failed).once('response', (response) => {
      let text = '';
      response.on('data', (data) => (text += String(data))).once('error', failed);
      response.once('end', () =>
        done({
          status: response.statusCode ?? 0,
          fields: response.rawHeaders,
          body: text,
          trailers: response.rawTrailers,
          before,
        }),
      );
    });
    for (const piece of body) asked.write(piece);
    if (trailers) asked.addTrailers(trailers);
    asked.end();
  });
}

/** A session of HTTP/2, closed with the test. */
export async function session(t: Test, port: number): Promise<ClientHttp2Session> {
  // Through a socket of our own: `localhost` may be an address of IPv6, too.
  const socket = await dial(port, 'h2');
  const made = connectHttp2(`https://localhost:${port}`, { createConnection: () => socket });
  made.on('error', () => undefined);
  t.teardown(() => made.destroy());
  await once(made, 'connect');
  return made;
}

/** A request of HTTP/2. */
export function ask2(
  over: ClientHttp2Session,
  path: string,
  headers: OutgoingHttpHeaders = {},
  body?: string,
  trailers?: Record<string, string>,
): Promise<Got> {
  return new Promise((done, failed) => {
    const stream = over.request(
      { ':path': path, ...headers },
      { endStream: body === undefined, waitForTrailers: trailers !== undefined },
    );
    if (trailers) stream.on('wantTrailers', () => stream.sendTrailers(trailers));
    let status = 0;
    let fields: string[] = [];
    let got: string[] = [];
    let text = '';
    const before: number[] = [];
    stream.on('headers', (early) => before.push(Number(early[':status'])));
    stream.on('response', (head) => {
      status = Number(head[':status']);
      fields = Object.entries(head).flatMap(([name, value]) => [name, String(value)]);
    });
    stream.on(
      'trailers',
      (all) =>
        (got = Object.entries(all as Record<string, unknown>).flatMap(([name, value]) => [
          name,
          String(value),
        ])),
    );
    stream.on('data', (data) => (text += String(data)));
    stream.on('end', () => done({ status, fields, body: text, trailers: got, before }));
    stream.on('error', failed);
    if (body !== undefined) stream.end(body);
  });
}

/** Sends bytes over TLS and resolves with all that comes until the connection is closed, or `until` has come. */
export async function sendRaw(
  port: number,
  bytes: string,
  { alpn = 'http/1.1', until }: { alpn?: string; until?: RegExp } = {},
): Promise<string> {
  const socket = await dial(port, alpn);
  let text = '';
  socket.write(bytes, 'latin1');
  return new Promise((done) => {
    const end = (): void => {
      socket.destroy();
      done(text);
    };
    socket.on('data', (data: Buffer) => {
      text += data.toString('latin1');
      if (until?.test(text)) end();
    });
    socket.on('close', end).on('error', end);
  });
}

export async function dial(port: number, alpn = 'http/1.1', servername = 'localhost'): Promise<TLSSocket> {
  const socket = connect({ host: '127.0.0.1', port, ca: CA.certificate, servername, ALPNProtocols: [alpn] });
  await once(socket, 'secureConnect');
  socket.on('error', () => undefined);
  return socket;
}

/** The values of a field. */
export function valuesOf(fields: readonly string[], name: string): string[] {
  return fields.filter((_, at) => at % 2 === 1 && fields[at - 1]?.toLowerCase() === name);
}

/** Resolves when a socket has ended, whatever ended it. */
export function closed(socket: Socket): Promise<void> {
  return new Promise((done) => socket.on('error', () => undefined).on('close', () => done()));
}
