import type { Logger } from '@harbor/log';
import { portHolder } from '@harbor/machine';
import type { Place } from '@harbor/runtime';
import { HarborError } from '@harbor/core';
import type { CoreChannel, CoreRecord } from '@harbor/wire';
import { createServer, type Server, type Socket } from 'node:net';
import { dialCore } from './core-link.js';
import { splice } from './splice.js';

/** A core that is asked and says nothing for this long has gone, ms; its servers answer within seconds. */
const SILENCE = 20_000;

/**
 * The core's Redis, NATS and gateway on the loopback of an attached node, at the ports where a home has its
 * own. A connection there is one over TLS to the core.
 */
export class Tunnel {
  readonly #servers: Server[] = [];

  constructor(
    readonly place: Place,
    readonly core: CoreRecord,
    readonly log: Pick<Logger, 'debug'>,
  ) {}

  /** Resolves when they listen. Errors: HARBOR_ADDRESS_IN_USE; it may be tried again. */
  async open(): Promise<void> {
    if (this.#servers.length > 0) return;
    try {
      await this.#open();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  async #open(): Promise<void> {
    const { harbor_redis, nats_server, harbor_gateway } = this.place.load({});
    if (harbor_redis.url === null) await this.#listen('redis', harbor_redis.port);
    if (nats_server.url === null) await this.#listen('nats', nats_server.port);
    await this.#listen('gateway', harbor_gateway.port);
  }

  close(): void {
    for (const server of this.#servers.splice(0)) server.close();
  }

  #listen(channel: CoreChannel, port: number): Promise<void> {
    const server = createServer((socket) => this.#forward(channel, socket));
    this.#servers.push(server);
    return new Promise((resolve, reject) => {
      server.once('error', (cause) => {
        const [holder] = portHolder({ port, protocol: 'tcp' });
        const by = holder ? `, which pid ${holder.pid} (${holder.command}) holds` : '';
        const message = `the core's ${channel} is to be found at port ${port}${by}: ${cause.message}`;
        reject(new HarborError('HARBOR_ADDRESS_IN_USE', message, { cause }));
      });
      server.listen(port, '127.0.0.1', resolve);
    });
  }

  #forward(channel: CoreChannel, near: Socket): void {
    const far = dialCore(this.core, channel);
    far.on('error', (err) =>
      this.log.debug({ event: 'core_away', channel, err }, 'the core does not answer'),
    );
    endWhenSilent(near, far);
    splice(near, far);
  }
}

/** A machine that has lost its power closes nothing: who asks it would wait for ever. */
function endWhenSilent(near: Socket, far: Socket): void {
  let timer: NodeJS.Timeout | undefined;
  near.on('data', () => (timer ??= setTimeout(() => far.destroy(), SILENCE)));
  const heard = (): void => {
    clearTimeout(timer);
    timer = undefined;
  };
  far.on('data', heard).on('close', heard);
}
