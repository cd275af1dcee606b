import type { Bus } from '@harbor/bus';
import type { Clock, NodeAddresses } from '@harbor/core';
import { planOfName, serviceSubjects, V1_PLAN, V1_VERSION, z, type Announcement } from '@harbor/wire';

/** Announced at least this often (wire facts §2), ms. */
const INTERVAL = 30_000;

export interface AnnouncerOptions {
  readonly bus: Bus;
  readonly service: string;
  readonly node: string;
  readonly group?: string | undefined;
  readonly addresses: () => NodeAddresses;
  readonly capacity: () => number;
  /** The revision of the shared state that the capacity is counted in. */
  readonly revision: () => number;
  readonly clock: Clock;
}

/** Tells the gateways that this node is there, how many ports it has left and where it is reached. */
export class Announcer {
  #cancel: (() => void) | undefined;

  constructor(readonly options: AnnouncerOptions) {}

  start(): void {
    const { bus, service } = this.options;
    bus.subscribe(
      serviceSubjects(service).discover,
      z.object({ plan: z.string().nullish() }),
      ({ plan }, message) => {
        if (plan != null && !planOfName(plan)) return;
        if (message.reply) bus.publish(message.reply, this.announcement());
        else this.announce();
      },
    );
    this.announce();
  }

  /** Announces now, and from now on every 30 s. */
  announce(): void {
    this.#cancel?.();
    this.options.bus.publish(serviceSubjects(this.options.service).announce, this.announcement());
    this.#cancel = this.options.clock.schedule(INTERVAL, () => {
      this.announce();
    });
  }

  stop(): void {
    this.#cancel?.();
  }

  /** What the node says of itself now. */
  announcement(): Announcement {
    return {
      id: this.options.node,
      plan: V1_PLAN,
      supported_versions: [V1_VERSION],
      available_capacity: this.options.capacity(),
      capacity_unit: 1,
      revision: this.options.revision(),
      addresses: this.options.addresses(),
      ...(this.options.group === undefined ? {} : { group: this.options.group }),
    };
  }
}
