import type { Overlay, Settings } from '@harbor/config';
import { asHarborError, Replica, type Change, type Clock } from '@harbor/core';
import type { Logger } from '@harbor/log';
import type { Follower, Store } from '@harbor/store';

/** The wait before Redis is tried again at the start, ms. */
const RETRY = 250;

/** The settings as they are now; they change while the process runs (`kato config set`). */
export class LiveSettings {
  #current: Settings;
  readonly #listeners: ((now: Settings, before: Settings) => void)[] = [];

  constructor(
    initial: Settings,
    /** Errors: HARBOR_CONFIG_INVALID. */
    readonly load: (overlay: Overlay) => Settings,
  ) {
    this.#current = initial;
  }

  get current(): Settings {
    return this.#current;
  }

  /** Calls `listener` after every change. */
  onChange(listener: (now: Settings, before: Settings) => void): void {
    this.#listeners.push(listener);
  }

  /** Takes over what the shared state says. Errors: HARBOR_CONFIG_INVALID; the settings then stay. */
  update(replica: Replica): void {
    const before = this.#current;
    this.#current = this.load(overlayOf(replica));
    for (const listener of this.#listeners) listener(this.#current, before);
  }
}

/** The values of `kato config set`, by `component.key`. */
export function overlayOf(replica: Replica): Overlay {
  return Object.fromEntries([...replica.entries('config')].map(([id, entry]) => [id, entry.value]));
}

/** The same from a snapshot. */
export function overlayOfRecords(records: readonly Change[]): Overlay {
  const replica = new Replica();
  replica.reset({ epoch: '', revision: 0, records });
  return overlayOf(replica);
}

/**
 * Keeps the settings in line with the shared state; resolves when they are for the first time, however
 * long Redis is away. A value that is not allowed is logged and the last good settings stay.
 */
export async function followSettings(
  store: Store,
  settings: LiveSettings,
  log: Logger,
  clock: Clock,
): Promise<Follower> {
  const update = (replica: Replica): void => {
    try {
      settings.update(replica);
    } catch (thrown) {
      const error = asHarborError(thrown);
      log.error({ event: 'config_invalid', err: error }, error.message);
    }
  };
  const events = {
    onReset: update,
    onChange: (_change: unknown, replica: Replica) => update(replica),
    onAway: () => log.warn({ event: 'redis_away' }, 'Redis is away: serving what is known'),
    onBack: () => log.warn({ event: 'redis_back' }, 'Redis is back'),
  };
  for (let attempt = 0; ; attempt++) {
    try {
      return await store.follow(['config'], events);
    } catch (thrown) {
      const error = asHarborError(thrown);
      if (attempt % 20 === 0)
        log.warn({ event: 'redis_waiting', err: error }, `waiting for Redis: ${error.message}`);
      await new Promise<void>((resolve) => clock.schedule(RETRY, resolve));
    }
  }
}
