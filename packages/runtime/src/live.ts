import type { Bus } from '@harbor/bus';
import { asHarborError, type HarborError } from '@harbor/core';
import type { Settings } from '@harbor/config';
import { openBus, openStore, type Place } from './connections.js';
import { overlayOfRecords } from './settings.js';
import type { Store } from '@harbor/store';

/** The settings with what `kato config set` has stored, and why that could not be read. */
export interface LiveView {
  readonly settings: Settings;
  readonly away?: HarborError;
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

/** The settings of the whole cluster; without Redis those this machine knows by itself. */
export async function liveSettings(place: Place): Promise<LiveView> {
  try {
    const { records } = await withStore(place, (store) => store.snapshot(['config']));
    return { settings: place.load(overlayOfRecords(records)) };
  } catch (thrown) {
    const away = asHarborError(thrown);
    if (away.code !== 'HARBOR_REDIS_UNAVAILABLE') throw thrown;
    return { settings: place.load({}), away };
  }
}

/** Runs `work` with a bus and closes it. Errors: HARBOR_NATS_UNAVAILABLE. */
export async function withBus<T>(
  place: Place,
  settings: Settings,
  work: (bus: Bus) => Promise<T>,
): Promise<T> {
  const events = { onInvalid: () => undefined, onError: () => undefined };
  const bus = await openBus(place, settings, { name: 'command', waitForServer: false, events });
  try {
    return await work(bus);
  } finally {
    await bus.close();
  }
}
