import { asHarborError, type Clock, type Millis } from '@harbor/core';
import { SERVICE_TAGS, V1_LABEL, V1_PLAN, V1_PROVIDER, V1_VERSION, type Offering } from '@harbor/wire';
import type { Log } from '../dependencies.js';
import type { ForeignHandle } from '../orphans/known.js';
import type { CloudController } from './client.js';

/** How often the offering is repeated (wire facts §1). */
const OFFER_EVERY: Millis = 60_000;
/** How soon the handles are asked for again, until the first success. */
const RETRY: Millis = 1_000;
/** What the cloud controller may wait for a request of its own, s: a node's time twice over. */
const TIMEOUT = 10;

export interface CloudLinkParts {
  readonly controller: CloudController;
  /** Where the cloud controller reaches this gateway. */
  readonly url: () => string;
  readonly clock: Clock;
  readonly log: Log;
}

/** Keeps the cloud controller told, and learns once what it knows. */
export class CloudLink {
  #known = false;
  #stopped = false;
  #failing = new Set<string>();
  /** The last one that was begun. */
  #offered = Promise.resolve();
  #cancelOffer: () => void = () => undefined;
  #cancelFetch: () => void = () => undefined;

  constructor(readonly parts: CloudLinkParts) {}

  /** True since the first time the handles could be fetched. */
  get handlesKnown(): boolean {
    return this.#known;
  }

  start(): void {
    this.#offered = this.#offer();
    void this.#fetchFirst();
  }

  /** The handles as they are now. Errors: HARBOR_CLOUD_CONTROLLER_UNAVAILABLE. */
  handles(): Promise<readonly ForeignHandle[]> {
    return this.parts.controller.handles();
  }

  /** Takes the offering back; a cloud controller that is away holds nothing up for long. */
  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#cancelOffer();
    this.#cancelFetch();
    // One that is under way could arrive after it, and stay.
    await this.#offered;
    await this.#try('offering', () => this.parts.controller.offer(this.#offering(false)));
  }

  async #offer(): Promise<void> {
    await this.#try('offering', () => this.parts.controller.offer(this.#offering(true)));
    if (this.#stopped) return;
    this.#cancelOffer = this.parts.clock.schedule(OFFER_EVERY, () => {
      this.#offered = this.#offer();
    });
  }

  async #fetchFirst(): Promise<void> {
    const done = await this.#try('handles', async () => {
      const { length } = await this.handles();
      this.#known = true;
      this.parts.log.info(
        { event: 'handles_known', handles: length },
        'the cloud controller told its handles',
      );
    });
    if (done || this.#stopped) return;
    this.#cancelFetch = this.parts.clock.schedule(RETRY, () => void this.#fetchFirst());
  }

  /** True where it worked. What fails each second is logged once, and when it works again. */
  async #try(what: string, work: () => Promise<void>): Promise<boolean> {
    const { log } = this.parts;
    try {
      await work();
      if (this.#failing.delete(what)) log.info({ event: 'cloud_controller_back', what }, 'it answers again');
      return true;
    } catch (thrown) {
      const { code, message } = asHarborError(thrown);
      if (!this.#failing.has(what))
        log.warn({ event: 'cloud_controller_away', what, code, reason: message }, message);
      this.#failing.add(what);
      return false;
    }
  }

  #offering(active: boolean): Offering {
    return {
      label: V1_LABEL,
      url: this.parts.url(),
      supported_versions: [V1_VERSION],
      version_aliases: { current: V1_VERSION },
      description: 'TCP and UDP ports for applications',
      provider: V1_PROVIDER,
      plans: [V1_PLAN],
      default_plan: V1_PLAN,
      tags: [...SERVICE_TAGS],
      active,
      acls: {},
      timeout: TIMEOUT,
    };
  }
}
