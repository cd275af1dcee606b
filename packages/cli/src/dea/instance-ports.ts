import { blockOf, HarborError, rangeContains, type PortRange, type Random } from '@harbor/core';
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';

/** Below Linux's ephemeral ports, so that no outgoing connection takes one between choice and use. */
const CANDIDATES: PortRange = { low: 20_000, high: 32_000 };
const ATTEMPTS = 200;

/**
 * Gives each instance ports of its own on this machine, where a container would have its own 4100.
 * Outside Harbor's range, free for TCP and for UDP, no number twice.
 */
export class InstancePorts {
  readonly #given = new Set<number>();

  constructor(
    readonly harborRange: PortRange,
    readonly random: Random,
  ) {}

  /** A port, or the first of `count` in a row. Errors: HARBOR_APP_FAILED when none is found. */
  async take(count = 1): Promise<number> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const port =
        CANDIDATES.low + Math.floor(this.random() * (CANDIDATES.high - CANDIDATES.low + 2 - count));
      const block = blockOf(port, count);
      if (block.some((each) => this.#given.has(each) || rangeContains(this.harborRange, each))) continue;
      for (const each of block) this.#given.add(each);
      if (await areFree(block)) return port;
      for (const each of block) this.#given.delete(each);
    }
    throw new HarborError('HARBOR_APP_FAILED', `no port between 20000 and 32000 is free for an instance`);
  }

  /** The port, or the block from it on, may be taken again. */
  giveBack(port: number, count = 1): void {
    for (const each of blockOf(port, count)) this.#given.delete(each);
  }
}

async function areFree(ports: readonly number[]): Promise<boolean> {
  for (const port of ports) if (!(await isFree(port))) return false;
  return true;
}

async function isFree(port: number): Promise<boolean> {
  return (await bindsTcp(port)) && (await bindsUdp(port));
}

function bindsTcp(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '0.0.0.0', exclusive: true }, () => server.close(() => resolve(true)));
  });
}

function bindsUdp(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    socket.once('error', () => {
      socket.close();
      resolve(false);
    });
    socket.bind({ port, exclusive: true }, () => socket.close(() => resolve(true)));
  });
}
