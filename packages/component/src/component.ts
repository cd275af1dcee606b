import type { Clock, Millis } from '@harbor/core';
import { COMPONENT_SUBJECTS, z, type ComponentAnnouncement, type ComponentDiscovery } from '@harbor/wire';
import type { Account } from './account.js';

/** What a component needs of NATS; `Bus` of @harbor/bus is one. */
export interface ComponentBus {
  publish(subject: string, value: unknown): void;
  serve<T>(subject: string, schema: z.ZodType<T>, answer: (value: T) => Promise<unknown>): unknown;
}

export interface ComponentOptions {
  readonly bus: ComponentBus;
  /** `HarboraaS-Provisioner` or `HarboraaS-Node`. */
  readonly type: string;
  /** Tells several of one type apart. */
  readonly index: number;
  /** `ip:port` of /healthz and /varz. */
  readonly host: () => string;
  readonly account: () => Account;
  readonly clock: Clock;
  /** 32 hexadecimal digits that nobody else has. */
  readonly unique: string;
}

/** What stands in /varz where a password would. */
const MASKED = '********';

/** A process as the platform's collectors know it: found over NATS, looked at over HTTP (wire facts §2). */
export class Component {
  readonly #started: Millis;
  readonly #cpuBefore = process.cpuUsage();

  constructor(readonly options: ComponentOptions) {
    this.#started = options.clock.now();
  }

  /** Announces itself, and answers whoever asks who is there. */
  start(): void {
    const { bus } = this.options;
    bus.serve(COMPONENT_SUBJECTS.discover, z.unknown(), async () => Promise.resolve(this.discovery()));
    this.announce();
  }

  /** At the start and after NATS was away. */
  announce(): void {
    this.options.bus.publish(COMPONENT_SUBJECTS.announce, this.#announcement());
  }

  discovery(): ComponentDiscovery {
    return { ...this.#announcement(), uptime: formatUptime(this.#age()) };
  }

  /** What /varz begins with: the fields of the discovery, memory in KiB, processor in per cent since the start. */
  varz() {
    const { credentials, ...rest } = this.discovery();
    const { user, system } = process.cpuUsage(this.#cpuBefore);
    const cpu = Math.round((user + system) / Math.max(1, this.#age())) / 10;
    return {
      ...rest,
      credentials: [credentials[0], MASKED],
      mem: Math.round(process.memoryUsage.rss() / 1_024),
      cpu,
    };
  }

  #announcement(): ComponentAnnouncement {
    const { type, index, unique, host, account, clock } = this.options;
    const { username, password } = account();
    return {
      type,
      index,
      uuid: `${index}-${unique}`,
      host: host(),
      credentials: [username, password],
      start: new Date(clock.now() - this.#age()).toISOString(),
    };
  }

  #age(): Millis {
    return this.options.clock.now() - this.#started;
  }
}

/** `Nd:Nh:Nm:Ns`, each without leading zeros. */
export function formatUptime(age: Millis): string {
  const seconds = Math.floor(age / 1_000);
  const [days, hours, minutes] = [
    Math.floor(seconds / 86_400),
    Math.floor(seconds / 3_600),
    Math.floor(seconds / 60),
  ];
  return `${days}d:${hours % 24}h:${minutes % 60}m:${seconds % 60}s`;
}
