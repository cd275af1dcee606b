import type { Clock, RouteTable, Transport } from '@harbor/core';
import { blockOf, isPort, routeKey } from '@harbor/core';
import type { ReserveReply } from '@harbor/wire';
import type { Holder } from './conflicts.js';

/** What holds ports for services that do not exist yet. */
export interface PortBinder {
  reserve(
    port: number,
    transports: readonly Transport[],
    holdFor: number,
  ): Promise<
    { readonly held: true } | { readonly held: false; readonly error: Error; readonly transport: Transport }
  >;
  release(port: number): Promise<void>;
}

export interface ReservationDeskOptions {
  readonly binder: PortBinder;
  readonly table: RouteTable;
  readonly clock: Clock;
  readonly holderOf: (port: number, transport: Transport) => Holder | undefined;
  readonly log: { info(fields: object, message: string): void };
}

/** Binds ports for harbor_node before they are given away, each for one asker at a time. */
export class ReservationDesk {
  /** Until when a port is promised to somebody, ms, and to which service if it has one already. */
  readonly #promised = new Map<number, { readonly until: number; readonly service: string | undefined }>();

  constructor(readonly options: ReservationDeskOptions) {}

  /**
   * Binds the first of the ports that nobody has, or `service` has for another transport only, with
   * `count - 1` ports above it: all of them or none.
   */
  async reserve(
    ports: readonly number[],
    transports: readonly Transport[],
    holdFor: number,
    {
      count = 1,
      service,
    }: { readonly count?: number | undefined; readonly service?: string | undefined } = {},
  ): Promise<ReserveReply> {
    const skipped: ReserveReply['skipped'] = [];
    for (const first of ports) {
      const block = blockOf(first, count);
      // What could not be had a moment ago is not tried again for the next block that would need it.
      if (skipped.some(({ port }) => block.includes(port))) continue;
      const failed = await this.#tryBlock(block, (port) => this.#try(port, transports, holdFor, service));
      if (!failed) return { held: first, skipped };
      skipped.push(failed);
    }
    return { held: null, skipped };
  }

  /** A service has the port now: its route keeps others away, and nothing does once it is deleted. */
  given(port: number): void {
    this.#promised.delete(port);
  }

  async release(first: number, count = 1): Promise<void> {
    for (const port of blockOf(first, count)) {
      this.#promised.delete(port);
      await this.options.binder.release(port);
    }
  }

  /** Undefined when the whole block is held; otherwise which port could not be, and nothing is held. */
  async #tryBlock(
    block: readonly number[],
    reserve: (port: number) => Promise<string | undefined>,
  ): Promise<ReserveReply['skipped'][number] | undefined> {
    const held: number[] = [];
    for (const port of block) {
      const reason = isPort(port) ? await reserve(port) : 'is no port number';
      if (reason !== undefined) {
        for (const each of held) await this.release(each);
        return { port, reason };
      }
      held.push(port);
    }
    return undefined;
  }

  /** Undefined when the port is now held, otherwise why not. */
  async #try(
    port: number,
    transports: readonly Transport[],
    holdFor: number,
    service: string | undefined,
  ): Promise<string | undefined> {
    const now = this.options.clock.now();
    const promised = this.#promised.get(port);
    if (promised && promised.until > now) {
      if (service === undefined || promised.service !== service) return 'is being provisioned';
      // Whoever asked for the service before died over it.
      await this.release(port);
    }
    if (this.#isTaken(port, transports, service)) return 'belongs to a service';
    this.#forgetPast(now);
    this.#promised.set(port, { until: now + holdFor, service });
    const outcome = await this.options.binder.reserve(port, transports, holdFor);
    if (outcome.held) return undefined;
    this.#promised.delete(port);
    const holder = this.options.holderOf(port, outcome.transport);
    this.options.log.info(
      {
        event: 'port_skipped',
        port,
        protocol: outcome.transport,
        pid: holder?.pid,
        command: holder?.command,
      },
      `port ${port} is skipped: ${outcome.error.message}`,
    );
    return holder ? `held by pid ${holder.pid} (${holder.command})` : outcome.error.message;
  }

  /** Both transports of a number are one service's, which may get the other one, too. */
  #isTaken(port: number, wanted: readonly Transport[], service: string | undefined): boolean {
    return (['tcp', 'udp'] as const).some((transport) => {
      const route = this.options.table.get(routeKey(transport, port));
      return route !== undefined && (route.service !== service || wanted.includes(transport));
    });
  }

  #forgetPast(now: number): void {
    for (const [port, { until }] of this.#promised) {
      // In order of time: whatever comes after is later still.
      if (until > now) return;
      this.#promised.delete(port);
    }
  }
}
