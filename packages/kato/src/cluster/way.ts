import type { Place } from '@harbor/runtime';
import { connectSupervisor } from '../supervisor/index.js';
import { Tunnel } from './tunnel.js';

/**
 * Does what needs the servers of the cluster. On an attached node the way to them is the supervisor's; where
 * none runs it is this command's, as long as the work takes. Errors: HARBOR_ADDRESS_IN_USE, those of the work.
 */
export async function withWayToCore(place: Place, work: () => Promise<void>): Promise<void> {
  const way = place.core && new Tunnel(place, place.core, { debug: () => undefined });
  if (way && !(await connectSupervisor(place))) await way.open();
  try {
    await work();
  } finally {
    way?.close();
  }
}
