import type { IncomingMessage, ServerResponse } from 'node:http';
import { forwardedLines } from '../headers/forwarded.js';
import { isWell, requestHead, type RequestHead, type Refusal } from '../headers/request.js';
import type { ResponseHead } from '../upstream/response.js';
import { Exchange, repeatable, RETRY, type Surroundings } from './exchange.js';

/**
 * A link as node:http takes it in early hints: it throws at several in one field, and at texts with blanks. A hint
 * that cannot be passed on is left out; the answer has it again.
 */
const HINT = /^<[^>]*>(?:\s*;\s*[^;"\s,]+(?:=(?:"[^;"\s]*"|[^;"\s,]*))?)*$/;

/** What is asked of an HTTP/1.1 request before it is passed on; the host is what its target says, if it does. */
export function readRequest(request: IncomingMessage): (RequestHead & { readonly path: string }) | Refusal {
  const { method = '', url = '', rawHeaders, httpVersion } = request;
  const absolute = /^https?:\/\/([^/?#@]+)(\/[^#]*)?$/i.exec(url);
  const path = absolute ? (absolute[2] ?? '/') : url;
  if (method === 'TRACE' || method === 'CONNECT')
    return { status: 405, reason: `${method} is not for a server` };
  if (!/^1\.[01]$/.test(httpVersion))
    return { status: 400, reason: 'a request of no version that is served' };
  if (!isWell(method, path)) return { status: 400, reason: 'a target that is no path' };
  const head = requestHead(rawHeaders, httpVersion);
  if ('status' in head) return head;
  return { ...head, host: absolute?.[1] ?? head.host, path };
}

/** An HTTP/1.1 request: passed on, answered. */
export class Exchange1 extends Exchange {
  #ending = false;

  constructor(
    around: Surroundings,
    readonly request: IncomingMessage,
    readonly response: ServerResponse,
    /** Whether the proxy ends: then no other request may follow. */
    readonly closing: () => boolean,
  ) {
    super(around);
  }

  start(head: RequestHead & { readonly path: string }): void {
    const { request, response } = this;
    const method = request.method ?? '';
    // HTTP/1.1 has the field, an empty one where a client of HTTP/1.0 names no host (RFC 9112, 3.2).
    const host = `Host: ${head.host}\r\n`;
    const forwarded = forwardedLines(request.socket, head.host);
    response.on('close', () => {
      if (!this.over) this.cancel();
    });
    this.pass(
      {
        head: `${method} ${head.path} HTTP/1.1\r\n${host}${head.lines}${forwarded}\r\n`,
        isHead: method === 'HEAD',
        hasBody: head.body !== 'none',
        again: repeatable(method, head.body),
      },
      head.body,
      request,
      () => request.rawTrailers,
    );
  }

  /** Answers a request that is not passed on; nothing more is read from its connection. */
  turnDown(status: number, reason: string): void {
    this.over = true;
    this.response.shouldKeepAlive = false;
    this.refuse({ status, text: `${status}: ${reason}\n` });
  }

  information({ status, fields }: ResponseHead): void {
    const { response } = this;
    if (this.request.httpVersion === '1.0') return;
    if (status === 100) response.writeContinue();
    else if (status === 103) {
      const links = fields.filter((_, at) => at % 2 === 1 && fields[at - 1]?.toLowerCase() === 'link');
      if (links.length > 0 && links.every((link) => HINT.test(link)))
        response.writeEarlyHints({ link: links });
    }
  }

  data(chunk: Buffer): boolean {
    if (this.response.write(chunk)) return true;
    this.response.once('drain', this.more);
    return false;
  }

  protected respond({ status, message, fields, chunked }: ResponseHead): void {
    if (this.closing()) fields.push('Connection', 'close');
    // A trailer of an answer that is not chunked has no place to stand.
    if (chunked && this.request.httpVersion !== '1.0') fields.push('Transfer-Encoding', 'chunked');
    try {
      this.response.writeHead(status, message, fields);
    } catch (thrown) {
      // A field that node:http takes for none of HTTP.
      this.answered = false;
      this.failed('broken', String(thrown));
      this.#ending = true;
    }
  }

  protected complete(last: Buffer | undefined, trailers: readonly string[]): void {
    if (this.#ending) return;
    if (trailers.length > 0) {
      const pairs: [string, string][] = [];
      for (let at = 0; at < trailers.length; at += 2)
        pairs.push([trailers[at] ?? '', trailers[at + 1] ?? '']);
      this.response.addTrailers(pairs);
    }
    this.response.end(last);
  }

  protected refuse({ status, text }: { readonly status: number; readonly text: string }): void {
    if (this.response.headersSent || this.response.destroyed) return;
    this.response.writeHead(status, {
      'Content-Type': 'text/plain; charset=utf-8',
      'Content-Length': Buffer.byteLength(text),
      'Cache-Control': 'no-store',
      ...(status === 503 ? { [RETRY.name]: RETRY.value } : {}),
      ...(this.closing() ? { Connection: 'close' } : {}),
    });
    this.response.end(text);
  }

  protected breakOff(): void {
    this.response.destroy();
  }
}
