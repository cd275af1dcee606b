import type { Bus } from '@harbor/bus';
import { asHarborError, type Change, type HarborError, type Kind } from '@harbor/core';
import type { Settings } from '@harbor/config';
import { openBus, openStore, type Place } from './connections.js';
import { overlayOfRecords } from './settings.js';
import type { Store } from '@harbor/store';

/** The settings with what `kato config set` has stored, and why that could not be read. */
export interface LiveView {
  readonly settings: Settings;
  readonly away?: HarborError;
  /** Those that were asked for beside. */
  readonly records: readonly Change[];
}

/** Runs `work` with a store and closes it. */
export async function withStore<T>(place: Place, work: (store: Store) => Promise<T>): Promise<T> {
  const store = openStore(place, place.load({}), () => undefined);
  try {
    return await work(store);
  } finally {
    store.close();
  }
}

/** The settings of the whole cluster; without Redis those this machine knows by itself, and `tell` is told so. */
export async function liveSettings(
  place: Place,
  tell?: (text: string) => void,
): Promise<Pick<LiveView, 'settings'>> {
  const { settings, away } = await lookAt(place, []);
  if (away) tell?.(`without what kato config set has stored: ${away.message}`);
  return { settings };
}

/** The settings, and records of some kinds, in one look at Redis; none where it is away. */
export async function lookAt(place: Place, kinds: readonly Kind[]): Promise<LiveView> {
  try {
    const look = (store: Store) => store.snapshot(['config', ...kinds]);
    const { records } = await withStore(place, look);
    return { settings: place.load(overlayOfRecords(records)), records };
  } catch (thrown) {
    const away = asHarborError(thrown);
    if (away.code !== 'HARBOR_REDIS_UNAVAILABLE') throw thrown;
    return { settings: place.load({}), records: [], away };
  }
}

/**
 * Runs `work` with a bus and closes it. `patience`: how long NATS may take to let us in, ms.
 * Errors: HARBOR_NATS_UNAVAILABLE.
 */
export async function withBus<T>(
  place: Place,
  settings: Settings,
  work: (bus: Bus) => Promise<T>,
  patience?: number,
): Promise<T> {
  const events = { onInvalid: () => undefined, onError: () => undefined };
  const more = patience === undefined ? {} : { patience };
  const bus = await openBus(place, settings, { name: 'command', waitForServer: false, events, ...more });
  try {
    return await work(bus);
  } finally {
    await bus.close();
  }
}
