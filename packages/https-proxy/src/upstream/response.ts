import { Kind, kindOf, listedIn, says, trailersOf, without } from '../headers/fields.js';

/** The head of a response without the fields that end here. */
export interface ResponseHead {
  readonly status: number;
  readonly message: string;
  /** Names and values by turns. */
  readonly fields: string[];
  readonly chunked: boolean;
  /** The protocol it changes to, with 101. */
  readonly upgrade: string | undefined;
}

/** What comes out of the bytes of a response. */
export interface ResponseEvents {
  onInformation(head: ResponseHead): void;
  onHead(head: ResponseHead): void;
  onData(chunk: Buffer): void;
  /** `last` is the rest of the body, where it came with the bytes before. */
  onEnd(last: Buffer | undefined, trailers: readonly string[]): void;
  /** After 101: everything from here on belongs to another protocol. */
  onUpgrade(head: ResponseHead, rest: Buffer): void;
}

/** A head larger than this is none, bytes. */
const MOST_HEAD = 256 * 1_024;
/** A line of a chunk's size. */
const MOST_LINE = 1_024;
/** A line feed or carriage return that stands alone, and NUL. */
const LOOSE = /\0|\r(?!\n)|(?<!\r)\n/;
const NOTHING = Buffer.alloc(0);

const enum State {
  idle,
  head,
  length,
  size,
  chunk,
  chunkEnd,
  trailers,
  close,
  upgraded,
}

/** What a server says that is no HTTP/1.1. */
export class BadResponse extends Error {}

/** Reads responses one after the other from the bytes of a connection. Strict: it guesses nothing. */
export class ResponseParser {
  #state = State.idle;
  #kept: Buffer = NOTHING;
  #left = 0;
  #bodyless = false;
  /** The connection can serve another request after this response. */
  reusable = false;
  /** s, as a server says how long it keeps an idle connection. */
  keepFor: number | undefined;

  constructor(readonly events: ResponseEvents) {}

  /** Makes it expect a response; the one to HEAD has no body. */
  expect(head: boolean): void {
    this.#state = State.head;
    this.#bodyless = head;
    this.#kept = NOTHING;
  }

  /** Reads on. Throws BadResponse. */
  feed(bytes: Buffer): void {
    let rest = this.#kept.length > 0 ? Buffer.concat([this.#kept, bytes]) : bytes;
    this.#kept = NOTHING;
    while (rest.length > 0) {
      const before = this.#state;
      const left = this.#step(rest);
      if (left === undefined) {
        this.#kept = rest;
        return;
      }
      if (left === rest && before === this.#state) return;
      rest = left;
    }
  }

  /** The connection was closed: the end of a body that nothing else delimits, or too early. */
  close(): void {
    if (this.#state === State.close) this.#end(undefined, []);
    else if (this.#state !== State.idle && this.#state !== State.upgraded)
      throw new BadResponse('it closed the connection in the middle of an answer');
  }

  get idle(): boolean {
    return this.#state === State.idle;
  }

  /** Takes what it can from `bytes`; undefined when more is needed for that. */
  #step(bytes: Buffer): Buffer | undefined {
    switch (this.#state) {
      case State.head:
        return this.#head(bytes);
      case State.length: {
        if (bytes.length < this.#left) {
          this.#left -= bytes.length;
          this.events.onData(bytes);
          return NOTHING;
        }
        const size = this.#left;
        this.#end(bytes.length === size ? bytes : bytes.subarray(0, size), []);
        return bytes.length === size ? NOTHING : bytes.subarray(size);
      }
      case State.size:
        return this.#size(bytes);
      case State.chunk: {
        const size = Math.min(this.#left, bytes.length);
        this.#left -= size;
        if (this.#left === 0) this.#state = State.chunkEnd;
        this.events.onData(bytes.subarray(0, size));
        return bytes.subarray(size);
      }
      case State.chunkEnd:
        if (bytes.length < 2) return undefined;
        if (bytes[0] !== 13 || bytes[1] !== 10) throw new BadResponse('a chunk is longer than it says');
        this.#state = State.size;
        return bytes.subarray(2);
      case State.trailers:
        return this.#trailers(bytes);
      case State.close:
        this.events.onData(bytes);
        return NOTHING;
      default:
        throw new BadResponse('it says more than it was asked');
    }
  }

  #head(bytes: Buffer): Buffer | undefined {
    const end = bytes.indexOf('\r\n\r\n');
    if (end < 0) {
      if (bytes.length > MOST_HEAD) throw new BadResponse('the head of its answer is too large');
      return undefined;
    }
    const rest = bytes.length === end + 4 ? NOTHING : bytes.subarray(end + 4);
    const { head, length, closes } = this.#parse(bytes.toString('latin1', 0, end));
    if (head.status === 101) {
      this.#state = State.upgraded;
      this.events.onUpgrade(head, rest);
      return NOTHING;
    }
    if (head.status < 200) {
      this.events.onInformation(head);
      return rest;
    }
    this.reusable = !closes;
    this.events.onHead(head);
    if (this.#bodyless || head.status === 204 || head.status === 304 || length === 0)
      this.#end(undefined, []);
    else if (head.chunked) this.#state = State.size;
    else if (length !== undefined) {
      this.#state = State.length;
      this.#left = length;
    } else {
      this.reusable = false;
      this.#state = State.close;
    }
    return rest;
  }

  #parse(text: string): { head: ResponseHead; length: number | undefined; closes: boolean } {
    // Whoever reads it further on might take either for the end of a line.
    if (LOOSE.test(text)) throw new BadResponse('its head has a line end that is none, or a NUL');
    const lines = text.split('\r\n');
    const first = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: (.*))?$/.exec(lines[0] ?? '');
    if (!first) throw new BadResponse('its answer does not begin as HTTP/1.1 does');
    let fields: string[] = [];
    let length: number | undefined;
    let chunked = false;
    let closes = first[1] === '0';
    let upgrade: string | undefined;
    let listed: string[] | undefined;
    this.keepFor = undefined;
    for (let at = 1; at < lines.length; at++) {
      const line = lines[at] ?? '';
      const colon = line.indexOf(':');
      if (colon < 1 || line.charCodeAt(0) <= 32) throw new BadResponse('a line of its head is no field');
      const name = line.slice(0, colon);
      const value = line.slice(line.charCodeAt(colon + 1) === 32 ? colon + 2 : colon + 1).trim();
      switch (kindOf(name)) {
        case Kind.length: {
          if (!/^\d{1,15}$/.test(value) || (length !== undefined && length !== Number(value)))
            throw new BadResponse('its Content-Length is no number');
          if (length === undefined) fields.push(name, value);
          length = Number(value);
          break;
        }
        case Kind.encoding:
          if (value.toLowerCase() !== 'chunked') throw new BadResponse(`its Transfer-Encoding is ${value}`);
          chunked = true;
          break;
        case Kind.connection:
          closes = says(value, 'close') || (closes && !says(value, 'keep-alive'));
          listed = listedIn(value) ?? listed;
          break;
        case Kind.upgrade:
          upgrade = value;
          break;
        case Kind.hop:
          if (name.length === 10) this.keepFor = Number(/timeout=(\d+)/i.exec(value)?.[1] ?? NaN);
          break;
        default:
          fields.push(name, value);
      }
    }
    if (chunked && length !== undefined)
      throw new BadResponse('it has Content-Length beside Transfer-Encoding');
    if (listed) fields = without(fields, listed);
    return {
      head: { status: Number(first[2]), message: first[3] ?? '', fields, chunked, upgrade },
      length,
      closes,
    };
  }

  #size(bytes: Buffer): Buffer | undefined {
    const end = bytes.indexOf('\r\n');
    if (end < 0 || end > MOST_LINE) {
      if (bytes.length > MOST_LINE) throw new BadResponse('the size of a chunk is too long');
      return undefined;
    }
    const size = /^([0-9a-f]{1,12})[ \t]*(?:;.*)?$/i.exec(bytes.toString('latin1', 0, end))?.[1];
    if (size === undefined) throw new BadResponse('the size of a chunk is no number');
    this.#left = parseInt(size, 16);
    this.#state = this.#left === 0 ? State.trailers : State.chunk;
    return bytes.subarray(end + 2);
  }

  #trailers(bytes: Buffer): Buffer | undefined {
    if (bytes.length < 2) return undefined;
    if (bytes[0] === 13 && bytes[1] === 10) {
      this.#end(undefined, []);
      return bytes.subarray(2);
    }
    const end = bytes.indexOf('\r\n\r\n');
    if (end < 0) {
      if (bytes.length > MOST_HEAD) throw new BadResponse('its trailers are too large');
      return undefined;
    }
    const fields = bytes
      .toString('latin1', 0, end)
      .split('\r\n')
      .flatMap((line) => {
        const [, name, value] =
          /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*$/.exec(line) ?? [];
        if (name === undefined || value === undefined) throw new BadResponse('a trailer is no field');
        return [name, value];
      });
    this.#end(undefined, trailersOf(fields));
    return bytes.subarray(end + 4);
  }

  #end(last: Buffer | undefined, trailers: readonly string[]): void {
    this.#state = State.idle;
    this.events.onEnd(last, trailers);
  }
}
