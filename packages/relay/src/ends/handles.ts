import type { Server } from 'node:net';

/*
 * The only file that reaches behind Node's public API: the handles of libuv that net.Socket itself is made
 * of (lib/net.js, src/stream_base.cc, src/tcp_wrap.cc of Node). A relay needs none of what a stream adds, and
 * without it moves more bytes and connections in less memory (docs/adr/relay.md has the figures). Everything
 * used is looked at before it is trusted; where something is missing the relay goes by public streams.
 */

/** A TCP connection of libuv. Calls return 0 or a negative errno; `getSystemErrorName` names it. */
export interface TcpHandle {
  /** Called with what was read, or the reason it ends, in `Binding.state`. */
  onread: (this: TcpHandle) => void;
  readonly bytesRead: number;
  readonly bytesWritten: number;
  readonly writeQueueSize: number;
  connect(request: Request, host: string, port: number): number;
  connect6(request: Request, host: string, port: number): number;
  getpeername(into: Partial<HandleName>): number;
  getsockname(into: Partial<HandleName>): number;
  setNoDelay(on: boolean): number;
  /** Reads go there from now on. libuv keeps the bare pointer: the memory has to outlive the handle. */
  useUserBuffer(buffer: Uint8Array): void;
  readStart(): number;
  readStop(): number;
  /** Writes at once what the kernel takes and queues the rest, which stays in `data` until `oncomplete`. */
  writeBuffer(request: Request, data: Uint8Array): number;
  shutdown(request: Request): number;
  close(closed: () => void): void;
  reset(closed: () => void): number;
}

export interface HandleName {
  address: string;
  port: number;
}

/** A request of libuv under way. */
export interface Request {
  oncomplete?: (this: Request, status: number) => void;
}

/** What Node's own net module is built on. */
export interface Binding {
  /** A connection to be; the argument of `TCP` says that it is one. */
  readonly socket: () => TcpHandle;
  readonly connectRequest: new () => Request;
  readonly writeRequest: new () => Request;
  readonly shutdownRequest: new () => Request;
  /** What the last call or callback left: see the two indexes. */
  readonly state: Int32Array;
  readonly bytesOrError: number;
  readonly wasAsync: number;
}

interface TcpModule {
  readonly TCP: (new (type: number) => TcpHandle) & { readonly prototype: object };
  readonly TCPConnectWrap: new () => Request;
  readonly constants: { readonly SOCKET: number };
}

interface StreamModule {
  readonly WriteWrap: new () => Request;
  readonly ShutdownWrap: new () => Request;
  readonly streamBaseState: Int32Array;
  readonly kReadBytesOrError: number;
  readonly kLastWriteWasAsync: number;
}

const METHODS = [
  'connect',
  'connect6',
  'getpeername',
  'getsockname',
  'setNoDelay',
  'useUserBuffer',
  'readStart',
  'readStop',
  'writeBuffer',
  'shutdown',
  'close',
  'reset',
];

/** The binding where this Node has all of it; undefined where one piece is missing or of another kind. */
export function loadBinding(load: (name: string) => unknown = internal): Binding | undefined {
  try {
    const tcp = load('tcp_wrap') as TcpModule;
    const stream = load('stream_wrap') as StreamModule;
    const known =
      METHODS.every((method) => typeof Reflect.get(tcp.TCP.prototype, method) === 'function') &&
      [tcp.TCPConnectWrap, stream.WriteWrap, stream.ShutdownWrap].every(
        (each) => typeof each === 'function',
      ) &&
      [tcp.constants.SOCKET, stream.kReadBytesOrError, stream.kLastWriteWasAsync].every(Number.isInteger) &&
      stream.streamBaseState instanceof Int32Array;
    if (!known) return undefined;
    return {
      socket: () => new tcp.TCP(tcp.constants.SOCKET),
      connectRequest: tcp.TCPConnectWrap,
      writeRequest: stream.WriteWrap,
      shutdownRequest: stream.ShutdownWrap,
      state: stream.streamBaseState,
      bytesOrError: stream.kReadBytesOrError,
      wasAsync: stream.kLastWriteWasAsync,
    };
  } catch {
    return undefined;
  }
}

/** What accepts for a listening server; undefined where that is not as known. */
export function listeningHandle(server: Server): ListeningHandle | undefined {
  const handle: unknown = Reflect.get(server, '_handle');
  return typeof handle === 'object' && handle !== null && 'onconnection' in handle
    ? (handle as ListeningHandle)
    : undefined;
}

export interface ListeningHandle {
  /** With a negative errno, or 0 and the client. */
  onconnection: (status: number, client: TcpHandle | undefined) => void;
}

function internal(name: string): unknown {
  const binding: unknown = Reflect.get(process, 'binding');
  return typeof binding === 'function' ? (Reflect.apply(binding, process, [name]) as unknown) : undefined;
}
