import { blockOf } from '@harbor/core';
import { createSocket, type Socket } from 'node:dgram';
import { createServer, type Server } from 'node:net';
import type { InstancePorts } from '../dea/instance-ports.js';

const ATTEMPTS = 10;

/**
 * Ports of this machine that lead into a network. Nothing listens on them in truth, so they are held: nobody
 * else may take them, and whoever comes although the forwarding has been flushed is turned away.
 */
export class HeldPorts {
  readonly #sockets: (Server | Socket)[] = [];

  private constructor(
    readonly ports: InstancePorts,
    readonly first: number,
    readonly count: number,
  ) {}

  /** Takes and holds ports in a row. Errors: HARBOR_APP_FAILED where there are none. */
  static async take(ports: InstancePorts, count = 1): Promise<HeldPorts> {
    for (let attempt = 1; ; attempt++) {
      const held = new HeldPorts(ports, await ports.take(count), count);
      try {
        for (const port of blockOf(held.first, count)) await held.#hold(port);
        return held;
      } catch (thrown) {
        // Somebody was faster: another number.
        held.giveBack();
        if (attempt === ATTEMPTS) throw thrown;
      }
    }
  }

  giveBack(): void {
    for (const socket of this.#sockets.splice(0)) socket.close();
    this.ports.giveBack(this.first, this.count);
  }

  async #hold(port: number): Promise<void> {
    const server = createServer((socket) => socket.resetAndDestroy()).unref();
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen({ port, host: '0.0.0.0', exclusive: true }, resolve);
    });
    this.#sockets.push(server);
    const socket = createSocket('udp4').unref();
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject).bind({ port, exclusive: true }, resolve);
    });
    this.#sockets.push(socket);
  }
}
