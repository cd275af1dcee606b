import { asHarborError, type Clock, type Millis, type Random } from '@harbor/core';
import type { Logger } from '@harbor/log';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { LogReader } from '../logs/reader.js';
import { byTime, LOGS, parseLogLine, type LogLine } from '../logs/line.js';
import { wants, type Drain } from './drain.js';
import type { DrainsFile } from './drains-file.js';
import { Forwarder, type DrainStatus } from './forwarder.js';
import { openLink, type OpenLink } from './link.js';

export interface DrainsOptions {
  /** Where the logs are. */
  readonly logs: string;
  readonly file: DrainsFile;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Pick<Logger, 'info' | 'warn' | 'error'>;
  readonly open?: OpenLink;
}

/** How often the logs are looked at, as `kato log tail` does. */
const EVERY: Millis = 200;
/** How long the last lines may take when everything ends. */
const FLUSH: Millis = 1_000;

/** Follows the logs and sends what comes to every drain; nothing that goes wrong here reaches anybody else. */
export class Drains {
  readonly #forwarders = new Map<string, Forwarder>();
  readonly #readers = new Map<string, LogReader>();
  readonly #unreadable = new Set<string>();
  #cancel: () => void = () => undefined;

  constructor(readonly options: DrainsOptions) {}

  /** Begins with the drains of the home; a broken file is logged, and there are none. */
  start(): void {
    try {
      this.reload();
    } catch (thrown) {
      const { code, message } = asHarborError(thrown);
      this.options.log.error({ event: 'drains_broken', code }, message);
    }
  }

  /**
   * Makes the drains those of the file; those that stay keep their connection and what waits for them. A new
   * one gets what is logged from now on. Errors: HARBOR_CONFIG_INVALID, and everything is as before.
   */
  reload(): void {
    const drains = this.options.file.read();
    // What was logged until now is for those there were until now.
    this.#look();
    for (const [name, forwarder] of this.#forwarders) {
      const now = drains.find((drain) => drain.name === name);
      if (now && same(now, forwarder.drain)) continue;
      void forwarder.close();
      this.#forwarders.delete(name);
    }
    this.#follow(drains);
    for (const drain of drains) {
      if (this.#forwarders.has(drain.name)) continue;
      const { clock, random, log, open = openLink } = this.options;
      const host = hostname();
      this.#forwarders.set(drain.name, new Forwarder(drain, { clock, random, log, open, host }));
    }
    this.#next();
  }

  status(): DrainStatus[] {
    return [...this.#forwarders.values()].map(({ status }) => status);
  }

  /** Sends the last lines, for a second at most, and ends; servers have another one to end their side. */
  async close(): Promise<void> {
    this.#cancel();
    this.#look();
    const forwarders = [...this.#forwarders.values()];
    await new Promise<void>((resolve) => {
      const cancel = this.options.clock.schedule(FLUSH, resolve);
      void Promise.all(forwarders.map((forwarder) => forwarder.flushed())).then(() => {
        cancel();
        resolve();
      });
    });
    await Promise.all(forwarders.map((forwarder) => forwarder.close()));
    this.#forwarders.clear();
  }

  /** Reads the logs that any drain wants, from their ends on. */
  #follow(drains: readonly Drain[]): void {
    for (const process of LOGS) {
      const wanted = drains.some((drain) => wants(drain, process));
      if (!wanted) this.#readers.get(process)?.close();
      if (!wanted) this.#readers.delete(process);
      if (!wanted || this.#readers.has(process)) continue;
      const reader = new LogReader(process, join(this.options.logs, `${process}.log`));
      this.#readers.set(process, reader);
      this.#attempt(reader, () => reader.present());
    }
  }

  #next(): void {
    this.#cancel();
    if (this.#forwarders.size === 0) return;
    this.#cancel = this.options.clock.schedule(EVERY, () => {
      this.#look();
      this.#next();
    });
  }

  #look(): void {
    try {
      this.#send();
    } catch (error) {
      // These lines are lost to the drains; the supervisor, in whose process this is, goes on.
      this.options.log.error({ event: 'drain_lines', err: error }, 'lines could not be sent to the drains');
    }
  }

  #send(): void {
    const lines = [...this.#readers.values()].map((reader): LogLine[] =>
      this.#attempt(reader, () => reader.more())
        .filter(Boolean)
        .map((line) => parseLogLine(reader.process, line)),
    );
    for (const line of byTime(lines)) {
      for (const forwarder of this.#forwarders.values())
        if (wants(forwarder.drain, line.process)) forwarder.push(line);
    }
  }

  /** A log that cannot be read is said once, and tried again. */
  #attempt({ process }: LogReader, read: () => string[]): string[] {
    try {
      const lines = read();
      this.#unreadable.delete(process);
      return lines;
    } catch (error) {
      if (!this.#unreadable.has(process))
        this.options.log.warn(
          { event: 'drain_log', process, err: error },
          `the log of ${process} cannot be read`,
        );
      this.#unreadable.add(process);
      return [];
    }
  }
}

function same(one: Drain, other: Drain): boolean {
  return (
    one.url === other.url &&
    one.format === other.format &&
    one.ca === other.ca &&
    one.processes.join() === other.processes.join()
  );
}
