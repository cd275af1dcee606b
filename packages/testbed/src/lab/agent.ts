import type { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { connect } from 'nats';
import { tcpBackend, udpBackend, type ListenAt, type TestBackend } from '../backends.js';
import { askUdp, connected, exchange, greeting, greetings } from '../clients.js';
import { Load, type LoadTarget } from './load.js';

/** A question of the test to the agent in a namespace, and its answer, one line of JSON each. */
export interface Question {
  readonly id: number;
  readonly call: string;
  readonly args: readonly unknown[];
}

const scope = { teardown: () => undefined };
const servers = new Map<number, TestBackend>();
const sockets = new Map<number, Socket>();
const loads = new Map<number, Load>();
let handles = 0;

/** What an agent can be asked; results are JSON. */
const calls = {
  greeting: (port: number, host: string) => greeting(port, host),
  greetings: (port: number, count: number, host: string) => greetings(port, count, host),
  askUdp: (port: number, text: string, host: string, tries: number) => askUdp(port, text, host, tries),
  tcpBackend: async (name: string, at: ListenAt) => serve(await tcpBackend(scope, name, at)),
  udpBackend: async (name: string, at: ListenAt) => serve(await udpBackend(scope, name, at)),
  /** A connection that stays open; `exchange` and `close` take its handle. */
  open: async (port: number, host: string) => {
    const { socket, greeted } = await connected(port, host);
    socket.on('error', () => undefined);
    sockets.set(++handles, socket);
    return { handle: handles, greeted };
  },
  exchange: (handle: number, text: string) => {
    const socket = sockets.get(handle);
    if (!socket || socket.destroyed) return Promise.resolve('closed');
    return exchange(socket, text);
  },
  close: async (handle: number) => {
    sockets.get(handle)?.destroy();
    await servers.get(handle)?.close();
  },
  load: async (target: LoadTarget) => {
    loads.set(++handles, await Load.start(target));
    return handles;
  },
  loadReport: (handle: number) => Promise.resolve(loads.get(handle)?.report),
  stopLoad: (handle: number) => loads.get(handle)?.stop() ?? Promise.resolve(),
  publish: async (url: string, subject: string, text: string) => {
    const { hostname, port, username, password } = new URL(url);
    const nats = await connect({
      servers: `${hostname}:${port}`,
      user: decodeURIComponent(username),
      pass: decodeURIComponent(password),
    });
    nats.publish(subject, text);
    await nats.drain();
  },
} as const;

function serve(backend: TestBackend): { handle: number; port: number } {
  servers.set(++handles, backend);
  return { handle: handles, port: backend.port };
}

async function answer({ id, call, args }: Question): Promise<void> {
  const work = calls[call as keyof typeof calls] as (...all: readonly unknown[]) => Promise<unknown>;
  try {
    reply({ id, result: (await work(...args)) ?? null });
  } catch (error) {
    reply({ id, error: String(error) });
  }
}

function reply(value: object): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

createInterface({ input: process.stdin })
  .on('line', (line) => void answer(JSON.parse(line) as Question))
  // The test has ended.
  .on('close', () => process.exit(0));
