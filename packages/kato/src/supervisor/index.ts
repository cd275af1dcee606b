import { realHome } from '@harbor/config';
import { HarborError } from '@harbor/core';
import type { Place } from '@harbor/runtime';
import { NobodyThere, SupervisorClient } from './client.js';
import { spawnGuard } from './guard.js';
import { controlSocket } from './lock.js';

export { SupervisorClient } from './client.js';
export type { ProcessStatus, Progress, SupervisorView } from './supervisor.js';

const LOOK_EVERY = 30;
const PATIENCE = 20_000;
/** How long it may take to say how things stand to who only looks, ms: it is at once, unless it is stopped or stuck. */
export const LOOK_PATIENCE = 10_000;

/**
 * The home's supervisor; undefined when none runs. `patience`: how long it may take to say how things stand, ms.
 * Errors: HARBOR_SUPERVISOR_UNAVAILABLE.
 */
export async function connectSupervisor(
  place: Place,
  patience = PATIENCE,
): Promise<SupervisorClient | undefined> {
  if (place.isNew) return undefined;
  const client = new SupervisorClient(controlSocket(realHome(place.home), place.home.var), patience);
  try {
    await client.status();
    return client;
  } catch (error) {
    if (error instanceof NobodyThere) return undefined;
    throw error;
  }
}

/**
 * The home's supervisor, started where none runs. Called twice at once there is one all the same.
 * Errors: HARBOR_NOT_RUNNING where it does not come up.
 */
export async function ensureSupervisor(place: Place, env: NodeJS.ProcessEnv): Promise<SupervisorClient> {
  const running = await connectSupervisor(place);
  if (running) return running;
  spawnGuard(env);
  for (const end = Date.now() + PATIENCE; Date.now() < end;) {
    const started = await connectSupervisor(place);
    if (started) return started;
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY));
  }
  throw new HarborError(
    'HARBOR_NOT_RUNNING',
    `the supervisor does not come up; see ${place.home.logs}/kato.log`,
  );
}
