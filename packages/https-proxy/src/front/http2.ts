import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { forwardedLines } from '../headers/forwarded.js';
import { readRequest2 } from '../headers/request.js';
import type { ResponseHead } from '../upstream/response.js';
import { Exchange, repeatable, RETRY, type Surroundings } from './exchange.js';

const { NGHTTP2_FLAG_END_STREAM, NGHTTP2_INTERNAL_ERROR, NGHTTP2_NO_ERROR } = constants;

type Fields = Record<string, string | string[] | number>;

/** A request of a client that speaks HTTP/2: passed on as HTTP/1.1, answered. */
export class Exchange2 extends Exchange {
  #trailers: readonly string[] = [];
  #mayTrail = false;

  constructor(
    around: Surroundings,
    readonly stream: ServerHttp2Stream,
    /** bytes */
    readonly mostHead: number,
    readonly onRefusal: (reason: string) => void,
  ) {
    super(around);
    stream.on('error', () => undefined);
    stream.on('close', () => {
      if (!this.over) this.cancel();
    });
  }

  start(headers: IncomingHttpHeaders, raw: readonly string[], flags: number): void {
    const { stream } = this;
    const method = headers[':method'] ?? '';
    const path = headers[':path'] ?? '';
    const ended = (flags & NGHTTP2_FLAG_END_STREAM) !== 0;
    if (method === 'TRACE' || method === 'CONNECT') {
      this.#turnDown(405, `${method} is not for a server`);
      return;
    }
    const authority = headers[':authority'] ?? '';
    const head = readRequest2({ method, path, authority, fields: raw, ended }, this.mostHead);
    if ('status' in head) {
      this.#turnDown(head.status, head.reason);
      return;
    }
    const socket = stream.session?.socket;
    if (!socket) return;
    const host = `Host: ${head.host}\r\n`;
    let trailers: readonly string[] = [];
    if (!ended)
      stream.on(
        'trailers',
        (_: unknown, __: number, fields?: readonly string[]) => (trailers = fields ?? []),
      );
    this.pass(
      {
        head: `${method} ${path} HTTP/1.1\r\n${host}${head.lines}${forwardedLines(socket, head.host)}\r\n`,
        isHead: method === 'HEAD',
        hasBody: head.body !== 'none',
        again: repeatable(method, head.body),
      },
      head.body,
      stream,
      () => trailers,
    );
    if (ended) stream.resume();
  }

  information({ status, fields }: ResponseHead): void {
    if (this.stream.headersSent || this.stream.destroyed || status === 101) return;
    this.stream.additionalHeaders({ ...objectOf(status === 100 ? [] : fields), ':status': status });
  }

  data(chunk: Buffer): boolean {
    if (this.stream.write(chunk)) return true;
    this.stream.once('drain', this.more);
    return false;
  }

  protected respond({ status, fields, chunked }: ResponseHead): void {
    if (this.stream.destroyed) return;
    const headers = objectOf(fields);
    headers[':status'] = status;
    this.#mayTrail = chunked;
    try {
      this.stream.respond(headers, { waitForTrailers: chunked });
    } catch (thrown) {
      // A field that HTTP/2 does not know.
      this.answered = false;
      this.failed('broken', String(thrown));
      return;
    }
    if (chunked) this.stream.once('wantTrailers', () => this.stream.sendTrailers(objectOf(this.#trailers)));
  }

  protected complete(last: Buffer | undefined, trailers: readonly string[]): void {
    if (this.#mayTrail) this.#trailers = trailers;
    if (!this.stream.destroyed && !this.stream.writableEnded) this.stream.end(last);
  }

  protected refuse({ status, text }: { readonly status: number; readonly text: string }): void {
    if (this.stream.destroyed || this.stream.headersSent) return;
    const length = Buffer.byteLength(text);
    this.stream.respond({
      ':status': status,
      'content-type': 'text/plain; charset=utf-8',
      'content-length': length,
      'cache-control': 'no-store',
      ...(status === 503 ? { [RETRY.name]: RETRY.value } : {}),
    });
    this.stream.end(text, () => {
      // The rest of a body that nobody reads is not wanted.
      if (!this.stream.readableEnded) this.stream.close(NGHTTP2_NO_ERROR);
    });
  }

  protected breakOff(): void {
    this.stream.close(NGHTTP2_INTERNAL_ERROR);
  }

  #turnDown(status: number, reason: string): void {
    this.over = true;
    this.onRefusal(reason);
    this.refuse({ status, text: `${status}: ${reason}\n` });
    this.stream.resume();
  }
}

/** Fields that stand once; a second one would be an error in HTTP/2. */
const ONCE =
  /^(?:content-(?:type|length|location|range|encoding)|date|etag|expires|last-modified|location|age)$/;

/** Names in lower case; a name that stands twice has both values. */
export function objectOf(fields: readonly string[]): Fields {
  const all: Fields = {};
  for (let at = 0; at < fields.length; at += 2) {
    const name = (fields[at] ?? '').toLowerCase();
    const value = fields[at + 1] ?? '';
    const before = all[name];
    if (before === undefined) all[name] = value;
    else if (Array.isArray(before)) before.push(value);
    else if (!ONCE.test(name)) all[name] = [String(before), value];
  }
  return all;
}
