import type { Millis } from '../time/clock.js';

/** A port number that was given back: for a while only who had it gets it again. */
export interface Cooling {
  readonly node: string;
  /** The group it is a number of; absent where its node stands alone. */
  readonly group?: string;
  readonly port: number;
  /** The service that had it. */
  readonly service: string;
  /** Organization, space and name of that service; absent where it had no name. */
  readonly owner?: string;
  /** When it was given back. */
  readonly since: Millis;
  /** When anybody may have it, by the cool-down of that time. */
  readonly until: Millis;
}

/** Who asks for a port: a service id, and where it has a name, organization, space and name. */
export interface Asker {
  readonly id: string;
  readonly owner?: string;
}

/**
 * When the port is anybody's, with the cool-down that is set now: shortened it counts at once, also for
 * what cools already; lengthened it counts for what is given back from then on.
 */
export function coolingEnd(cooling: Pick<Cooling, 'since' | 'until'>, cooldown: Millis): Millis {
  return Math.min(cooling.until, cooling.since + cooldown);
}

/** True for the service that had the port, and for one of its name in its space. */
export function isOwn(cooling: Pick<Cooling, 'service' | 'owner'>, asker: Asker): boolean {
  return cooling.service === asker.id || (asker.owner !== undefined && cooling.owner === asker.owner);
}

/** How long the asker has to wait for the port, ms; 0 where it may have it. */
export function waitFor(cooling: Cooling, asker: Asker, cooldown: Millis, now: Millis): Millis {
  return isOwn(cooling, asker) ? 0 : Math.max(0, coolingEnd(cooling, cooldown) - now);
}
