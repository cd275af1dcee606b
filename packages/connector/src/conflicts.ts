import type { Clock, RouteKey, Transport } from '@harbor/core';
import type { PortConflict } from '@harbor/wire';

/** A process that has a socket on a port. */
export interface Holder {
  readonly pid: number;
  readonly command: string;
}

export interface ConflictLogOptions {
  readonly clock: Clock;
  /** Looks up who holds a port on this machine. */
  readonly holderOf: (port: number, transport: Transport) => Holder | undefined;
  readonly log: { warn(fields: object, message: string): void; info(fields: object, message: string): void };
  /** Told when the first conflict comes and when the last one goes. */
  readonly onAny: (any: boolean) => void;
}

/** What a data plane reports when a listener cannot be opened. */
export interface ListenFailure {
  readonly key: RouteKey;
  readonly port: number;
  readonly transport: Transport;
  readonly service: string;
  readonly error: Error;
}

/** The ports that somebody else holds: logged once each, with the holder, and listed for who asks. */
export class ConflictLog {
  readonly #conflicts = new Map<RouteKey, PortConflict>();

  constructor(readonly options: ConflictLogOptions) {}

  list(): PortConflict[] {
    return [...this.#conflicts.values()];
  }

  has(service: string): boolean {
    return this.list().some((conflict) => conflict.service === service);
  }

  /** A listener could not be opened; said again only when somebody else holds the port now. */
  add(failure: ListenFailure): void {
    const holder = this.options.holderOf(failure.port, failure.transport);
    const known = this.#conflicts.get(failure.key);
    const conflict: PortConflict = {
      port: failure.port,
      protocol: failure.transport,
      service: failure.service,
      pid: holder?.pid ?? null,
      command: holder?.command ?? null,
      reason: failure.error.message,
      since: known?.since ?? this.options.clock.now(),
    };
    this.#conflicts.set(failure.key, conflict);
    if (known?.pid === conflict.pid && known.service === conflict.service) return;
    const by = holder ? `by pid ${holder.pid} (${holder.command})` : 'by a process that cannot be seen';
    this.options.log.warn(
      { event: 'port_conflict', ...conflict },
      `${failure.key} is held ${by}: not served`,
    );
    if (this.#conflicts.size === 1 && !known) this.options.onAny(true);
  }

  /** The listener is open, or no longer wanted. */
  remove(key: RouteKey): void {
    const conflict = this.#conflicts.get(key);
    if (!conflict) return;
    this.#conflicts.delete(key);
    this.options.log.info({ event: 'port_conflict_resolved', ...conflict }, `${key} is free again`);
    if (this.#conflicts.size === 0) this.options.onAny(false);
  }
}
