import type { Route, RouteKey } from '@harbor/core';

/** What cannot be kept of `preserve_client_ip`, said once for each listener. */
export class PreserveWarnings {
  readonly #warned = new Set<RouteKey>();

  constructor(readonly log: { warn(fields: object, message: string): void }) {}

  /** The relay forwards this route, for the reason given: its backends see Harbor's address. */
  relayed(route: Route, why: string): void {
    const { service, key, policy } = route;
    if (policy.preserveClientIp !== true || this.#warned.has(key)) return;
    this.#warned.add(key);
    this.log.warn(
      { event: 'client_ip_not_preserved', service, key, why },
      `${key} is relayed: its backends see the address of Harbor, not the client's, because ${why}`,
    );
  }

  /** The kernel forwards it: should that end, it is worth a word again. */
  forwarded({ key }: Route): void {
    this.#warned.delete(key);
  }
}
