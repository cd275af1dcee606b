import type { Address } from '@harbor/core';
import { getSystemErrorName } from 'node:util';
import { copyOut, giveBuffer, leaveTo, MUCH, SHARED, takeBuffer } from './buffers.js';
import type { End } from './end.js';
import type { Binding, HandleName, Request, TcpHandle } from './handles.js';

/** libuv's number for an orderly end of what is read. */
const EOF = -4_095;
/** `shutdown` was done at once. */
const DONE = 1;

type Owned<T> = T & { owner?: HandleEnd };

/** An end that reads into memory kept for that and writes from it, on a bare handle. */
export class HandleEnd implements End {
  /** Where what is read here goes. */
  #peer: HandleEnd | undefined;
  /** Where this end's reads go, when it moves much. */
  #own: Buffer | undefined;
  /** Nothing more is to be read here; nothing more is to be written here, and all of it is out. */
  #heardAll = false;
  #saidAll = false;
  #closed = false;
  #onClosed: (() => void) | undefined;
  /** What was counted, once the handle is gone. */
  #read = 0;
  #written = 0;

  constructor(
    readonly handle: Owned<TcpHandle>,
    readonly binding: Binding,
  ) {
    handle.owner = this;
    handle.onread = onRead;
  }

  get remote(): Address {
    return nameOf((into) => this.handle.getpeername(into), this.#closed);
  }

  get local(): Address {
    return nameOf((into) => this.handle.getsockname(into), this.#closed);
  }

  get bytesRead(): number {
    return this.#closed ? this.#read : this.handle.bytesRead;
  }

  get bytesWritten(): number {
    return this.#closed ? this.#written : this.handle.bytesWritten;
  }

  get unsent(): number {
    return this.#closed ? 0 : this.handle.writeQueueSize;
  }

  get closed(): boolean {
    return this.#closed;
  }

  reset(): void {
    if (this.#closed) return;
    const gone = this.#closing();
    // It refuses while an end is under way.
    if (this.handle.reset(gone) !== 0) this.handle.close(gone);
  }

  /** Begins to pass on to `peer` what is read here. */
  start(peer: HandleEnd, onClosed: () => void): void {
    this.#peer = peer;
    this.#onClosed = onClosed;
    this.handle.useUserBuffer(SHARED);
    this.resume();
  }

  /** Writes for `from`, which reads no more until it is out. The memory of `data` is not to be touched before. */
  write(data: Uint8Array, from?: HandleEnd): void {
    if (this.#closed) return;
    const { state, wasAsync, writeRequest: WriteRequest } = this.binding;
    // What the kernel took at once has not used the request.
    const request: Write = (spare ??= new WriteRequest());
    const error = this.handle.writeBuffer(request, data);
    if (error < 0) this.#failed();
    else if (state[wasAsync] === 1) {
      spare = undefined;
      request.to = this;
      request.from = from;
      request.data = data;
      leaveTo(data);
      request.oncomplete = onWritten;
      from?.handle.readStop();
    }
  }

  /** What `write` left is out, or will never be. */
  written(status: number, from: HandleEnd | undefined): void {
    if (status < 0) this.#failed();
    else from?.resume();
  }

  /** A read came to something. */
  heard(bytesOrError: number): void {
    if (this.#closed || bytesOrError === 0) return;
    if (bytesOrError > 0) this.#forward(bytesOrError);
    else if (bytesOrError === EOF) this.#end();
    else this.#failed();
  }

  #forward(size: number): void {
    const own = this.#own;
    if (own) {
      this.#peer?.write(own.subarray(0, size), this);
      return;
    }
    const copy = copyOut(size);
    if (size >= MUCH) {
      this.#own = takeBuffer();
      if (this.#own) this.handle.useUserBuffer(this.#own);
    }
    this.#peer?.write(copy, this);
  }

  /** Reads on. */
  resume(): void {
    if (this.#closed || this.#heardAll) return;
    if (this.handle.readStart() < 0) this.#failed();
  }

  /** The other side has said all: so has ours, when everything is out. */
  #end(): void {
    this.#heardAll = true;
    const peer = this.#peer;
    if (!peer || peer.#closed) return;
    const request: Write = new this.binding.shutdownRequest();
    request.to = peer;
    request.oncomplete = onEnded;
    const status = peer.handle.shutdown(request);
    if (status === DONE || status < 0) peer.ended(status < 0 ? status : 0);
  }

  /** Our end is out. A connection lost meanwhile is seen by whoever reads there. */
  ended(_status: number): void {
    this.#saidAll = true;
    const peer = this.#peer;
    if (!peer || !this.#over || !peer.#over) return;
    this.#close();
    peer.#close();
  }

  get #over(): boolean {
    return this.#heardAll && this.#saidAll;
  }

  /** What is cut short must not look like an orderly end to the other side. */
  #failed(): void {
    this.#close();
    this.#peer?.reset();
  }

  #close(): void {
    if (!this.#closed) this.handle.close(this.#closing());
  }

  /** Notes that it closes; what it returns is to be called when it has. */
  #closing(): () => void {
    this.#read = this.handle.bytesRead;
    this.#written = this.handle.bytesWritten;
    this.#closed = true;
    return () => {
      if (this.#own) giveBuffer(this.#own);
      this.#own = undefined;
      this.#onClosed?.();
    };
  }
}

interface Write extends Request {
  to?: HandleEnd;
  from?: HandleEnd | undefined;
  /** Keeps the memory until the kernel has it. */
  data?: Uint8Array;
}

/** A request that no write has used. */
let spare: Write | undefined;

function onRead(this: Owned<TcpHandle>): void {
  const end = this.owner;
  if (end) end.heard(end.binding.state[end.binding.bytesOrError] ?? 0);
}

function onWritten(this: Write, status: number): void {
  this.to?.written(status, this.from);
}

function onEnded(this: Write, status: number): void {
  this.to?.ended(status);
}

function nameOf(ask: (into: Partial<HandleName>) => number, gone: boolean): Address {
  const name: Partial<HandleName> = {};
  if (!gone) ask(name);
  return { host: name.address ?? '', port: name.port ?? 0 };
}

/** The name of a negative errno, ECONNREFUSED say. */
export function reasonOf(status: number): string {
  try {
    return getSystemErrorName(status);
  } catch {
    return 'EUNKNOWN';
  }
}
