import type { Backend } from '@harbor/core';
import { eventually, freePort } from '@harbor/testbed';
import { readFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { Worker } from 'node:worker_threads';
import type { Test } from 'tap';
import { backendAt } from './rig.js';

/** One end of a connection, and all that has come to it. */
export class Peer {
  /** How it ended: 'end' when in order, otherwise the reason of the kernel. */
  readonly closed: Promise<string>;
  /** All that came, once the other side has sent its end. */
  readonly ended: Promise<Buffer>;
  #received: Buffer[] = [];
  #error = 'end';

  constructor(readonly socket: Socket) {
    socket.on('data', (chunk: Buffer) => this.#received.push(chunk));
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.#error = error.code ?? error.message;
    });
    this.closed = new Promise((resolve) => socket.once('close', () => resolve(this.#error)));
    this.ended = new Promise((resolve) => socket.once('end', () => resolve(this.received)));
  }

  get received(): Buffer {
    return Buffer.concat(this.#received);
  }

  /** Resolves when this text has come; rejects when the connection ends before. */
  async saw(text: string): Promise<void> {
    while (!this.received.includes(text)) {
      await new Promise<void>((resolve, reject) => {
        if (this.socket.closed) reject(new Error(`closed before '${text}': ${this.#error}`));
        this.socket.once('data', () => resolve());
        this.socket.once('close', () => reject(new Error(`closed before '${text}': ${this.#error}`)));
      });
    }
  }

  /** Sends `text` and waits for `answer`. */
  ask(text: string, answer = text): Promise<void> {
    this.socket.write(text);
    return this.saw(answer);
  }
}

/** A client that can half-close. */
export function dial(port: number, host = '127.0.0.1', localAddress?: string): Peer {
  return new Peer(
    connect({ port, host, allowHalfOpen: true, ...(localAddress === undefined ? {} : { localAddress }) }),
  );
}

/** An instance that really listens, and its side of every connection made to it. */
export interface TcpBackend {
  readonly backend: Backend;
  readonly peers: Peer[];
  /** The next connection made to it. */
  next(): Promise<Peer>;
}

/** Listens on a port of its own and does what `serve` says. Ended with the test. */
export async function listen(
  t: Test,
  index: number,
  serve: (peer: Peer) => void = () => undefined,
  host = '127.0.0.1',
): Promise<TcpBackend> {
  const peers: Peer[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const peer = new Peer(socket);
    peers.push(peer);
    serve(peer);
    server.emit('peer', peer);
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  t.teardown(() => {
    server.close();
    for (const { socket } of peers) socket.destroy();
  });
  const { port } = server.address() as AddressInfo;
  return {
    backend: backendAt('tcp', port, index, host),
    peers,
    next: () => new Promise((resolve) => server.once('peer', resolve)),
  };
}

/** Sends back what comes, and its end. */
export function echo({ socket }: Peer): void {
  socket.pipe(socket);
}

/** Says who it is and ends. */
export function nameIt(index: number): (peer: Peer) => void {
  return ({ socket }) => socket.end(`i${index}`);
}

/** An instance nobody listens for. */
export async function refusing(index: number): Promise<Backend> {
  return backendAt('tcp', await freePort(), index);
}

/** How many connections wait to be accepted (Linux proc_net_tcp.rst: the receive queue of who listens). */
function backlogOf(port: number): number {
  const local = `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const lines = readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/));
  const listens = lines.find(([, at, , state]) => at === local && state === '0A');
  return parseInt(listens?.[4]?.split(':')[1] ?? '0', 16);
}

const NEVER_ACCEPTS = `
  const { parentPort } = require('node:worker_threads');
  const server = require('node:net').createServer();
  server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
    parentPort.postMessage(server.address().port);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  });`;

/** An instance that neither accepts nor refuses: its thread stands still and its backlog is full. */
export async function silent(t: Test, index: number): Promise<Backend> {
  const worker = new Worker(NEVER_ACCEPTS, { eval: true });
  const port = await new Promise<number>((resolve) => worker.once('message', resolve));
  for (let waiting = 0; waiting < 2; waiting++) {
    const peer = dial(port);
    await new Promise((resolve) => peer.socket.once('connect', resolve));
    t.teardown(() => peer.socket.destroy());
  }
  t.teardown(() => worker.terminate());
  // Connected to who asks is not yet queued for who listens: the kernel of a busy machine does that later.
  await eventually('the backlog to be full', () => backlogOf(port) === 2);
  return backendAt('tcp', port, index);
}
