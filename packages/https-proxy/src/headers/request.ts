import { Kind, kindOf, linesOf, listedIn, without } from './fields.js';

/** How the body of a request is delimited. */
export type Body = 'none' | 'length' | 'chunked';

/** A request as it is passed on; its head lacks the lines of `forwardedLines`. */
export interface RequestHead {
  readonly host: string;
  readonly lines: string;
  readonly body: Body;
  readonly upgrade: string | undefined;
}

/** Why a request is not passed on. */
export interface Refusal {
  readonly status: number;
  readonly reason: string;
}

const refuse = (status: number, reason: string): Refusal => ({ status, reason });

/** What a header's bytes may be, so that no line is made of a part of it. */
const UNSAFE = /[\0\r\n]/;

/** The fields of an HTTP/1.1 request, without those that end here. */
export function requestHead(fields: readonly string[], version: string): RequestHead | Refusal {
  let host: string | undefined;
  let length: string | undefined;
  let encoding: string | undefined;
  let upgrade: string | undefined;
  let listed: string[] | undefined;
  let trailers = false;
  const kept: string[] = [];
  for (let at = 0; at < fields.length; at += 2) {
    const name = fields[at] ?? '';
    const value = fields[at + 1] ?? '';
    switch (kindOf(name)) {
      case Kind.pass:
      case Kind.cookie:
      case Kind.trailer:
      case Kind.expect:
        kept.push(name, value);
        break;
      case Kind.host:
        if (host !== undefined) return refuse(400, 'two Host fields');
        host = value;
        break;
      case Kind.length:
        if (length !== undefined) return refuse(400, 'two Content-Length fields');
        length = value;
        break;
      case Kind.encoding:
        if (encoding !== undefined) return refuse(400, 'two Transfer-Encoding fields');
        encoding = value;
        break;
      case Kind.connection: {
        const more = listedIn(value);
        if (more) listed = [...(listed ?? []), ...more];
        break;
      }
      case Kind.te:
        trailers ||= /(?:^|,)\s*trailers\s*(?:,|$)/i.test(value);
        break;
      case Kind.upgrade:
        upgrade = value;
        break;
      default:
    }
  }
  if (encoding !== undefined) {
    if (length !== undefined) return refuse(400, 'Content-Length beside Transfer-Encoding');
    if (version !== '1.1') return refuse(400, 'Transfer-Encoding in HTTP/1.0');
    if (encoding.toLowerCase() !== 'chunked') return refuse(501, 'a Transfer-Encoding other than chunked');
  }
  if (length !== undefined && !/^\d{1,15}$/.test(length))
    return refuse(400, 'a Content-Length that is no number');
  if (host !== undefined && !hostIsWell(host)) return refuse(400, 'a Host that is no host');
  const passed = listed ? without(kept, listed) : kept;
  const body: Body =
    encoding !== undefined ? 'chunked' : length !== undefined && length !== '0' ? 'length' : 'none';
  const lines =
    linesOf(passed) +
    (length === undefined ? '' : `Content-Length: ${length}\r\n`) +
    (body === 'chunked' ? 'Transfer-Encoding: chunked\r\n' : '') +
    (trailers ? 'TE: trailers\r\n' : '');
  return { host: host ?? '', lines, body, upgrade };
}

/** A request of HTTP/2. */
export interface Request2 {
  readonly method: string;
  readonly path: string;
  readonly authority: string;
  /** Names and values by turns. */
  readonly fields: readonly string[];
  /** No body follows. */
  readonly ended: boolean;
}

/** An HTTP/2 request whose head takes up to `mostHead` bytes. */
export function readRequest2(request: Request2, mostHead: number): RequestHead | Refusal {
  const { method, path, authority, fields, ended } = request;
  if (!isWell(method, path)) return refuse(400, 'a request that is none');
  const head = requestHead2(fields, authority, ended);
  if ('status' in head) return head;
  return head.lines.length + path.length > mostHead
    ? refuse(431, 'the head of the request is too large')
    : head;
}

/** The same of an HTTP/2 request, whose fields HTTP/2 itself has checked and delimits. */
function requestHead2(fields: readonly string[], authority: string, ended: boolean): RequestHead | Refusal {
  let length: string | undefined;
  let cookies = '';
  let trailers = false;
  let host = authority;
  let lines = '';
  for (let at = 0; at < fields.length; at += 2) {
    const name = fields[at] ?? '';
    const value = fields[at + 1] ?? '';
    if (name.startsWith(':')) continue;
    switch (kindOf(name)) {
      case Kind.pass:
      case Kind.trailer:
      case Kind.expect:
        if (UNSAFE.test(value)) return refuse(400, 'a field with a line end');
        lines += `${name}: ${value}\r\n`;
        break;
      case Kind.cookie:
        cookies += cookies === '' ? value : `; ${value}`;
        break;
      case Kind.host:
        if (authority !== '' && value !== authority) return refuse(400, 'a Host other than the authority');
        host = value;
        break;
      case Kind.length:
        length = value;
        break;
      case Kind.te:
        trailers = true;
        break;
      default:
    }
  }
  if (UNSAFE.test(cookies)) return refuse(400, 'a cookie with a line end');
  if (!hostIsWell(host)) return refuse(400, 'an authority that is no host');
  if (ended && length !== undefined && length !== '0') return refuse(400, 'a Content-Length without a body');
  const body: Body = ended ? 'none' : length !== undefined ? 'length' : 'chunked';
  if (cookies !== '') lines += `Cookie: ${cookies}\r\n`;
  if (length !== undefined) lines += `Content-Length: ${length}\r\n`;
  if (body === 'chunked') lines += 'Transfer-Encoding: chunked\r\n';
  if (trailers) lines += 'TE: trailers\r\n';
  return { host, lines, body, upgrade: undefined };
}

/** A method and a path that stay one line of three words. */
export function isWell(method: string, path: string): boolean {
  return /^[A-Z][A-Z0-9_-]{0,31}$/i.test(method) && /^(?:\/[\x21-\x7e\x80-\xff]*|\*)$/.test(path);
}

/** `host`, `host:port`, `[::1]:port`. */
function hostIsWell(host: string): boolean {
  return host === '' || /^(?:[a-z0-9_.~%!$&'()*+,;=-]{1,255}|\[[0-9a-f:.]{2,45}\])(?::\d{0,5})?$/i.test(host);
}
