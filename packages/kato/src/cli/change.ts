import { HarborError } from '@harbor/core';
import type { Place } from '@harbor/runtime';
import { resolveNames } from '../processes/catalogue.js';
import { processesHere } from '../processes/here.js';
import { connectSupervisor, ensureSupervisor, type Progress } from '../supervisor/index.js';
import { flushRules, tellOfRules } from './rules.js';
import { note, paint, say } from '@harbor/terminal';

/** `kato start`: returns when everything asked for serves. */
export async function start(place: Place, env: NodeJS.ProcessEnv, names: readonly string[]): Promise<void> {
  processesHere(place.home, names);
  // Everything that is wrong with the configuration, before anything is started.
  place.load({});
  await leaveFailure(place);
  const supervisor = await ensureSupervisor(place, env);
  await supervisor.start(names, tell);
  say(`${names.length === 0 ? 'Harbor' : names.join(', ')} is running`);
}

/** After a start that failed: its supervisor has that one's environment, and nothing else to do. */
async function leaveFailure(place: Place): Promise<void> {
  const supervisor = await connectSupervisor(place);
  const states = (await supervisor?.status())?.map(({ state }) => state) ?? [];
  const failed =
    states.includes('FATAL') && states.every((state) => state === 'FATAL' || state === 'STOPPED');
  if (!supervisor || !failed) return;
  await supervisor.stop([], () => undefined, true);
  await supervisor.untilGone().catch(() => undefined);
}

/** `kato stop`: without names the supervisor ends too; with `flush` the kernel's rules go as well. */
export async function stop(
  place: Place,
  names: readonly string[],
  { flush = false }: { readonly flush?: boolean } = {},
): Promise<void> {
  const forwarding = resolveNames(names).includes('harbor_proxy_connector');
  if (flush && !forwarding)
    throw new HarborError(
      'HARBOR_USAGE',
      '--flush takes away the rules of harbor_proxy_connector, which is not to be stopped: name it, or nothing',
    );
  const supervisor = await connectSupervisor(place);
  if (supervisor) {
    await supervisor.stop(names, tell, names.length === 0);
    if (names.length === 0) await supervisor.untilGone().catch(() => undefined);
  }
  say(`${names.length === 0 ? 'Harbor' : names.join(', ')} is stopped`);
  if (flush) await flushRules();
  else if (forwarding) await tellOfRules(['kato', 'stop', ...names, '--flush'].join(' '));
}

export async function restart(place: Place, env: NodeJS.ProcessEnv, names: readonly string[]): Promise<void> {
  // Before anything is stopped that could not be started again.
  processesHere(place.home, names);
  place.load({});
  const supervisor = await ensureSupervisor(place, env);
  await supervisor.restart(names, tell);
  say(`${names.length === 0 ? 'Harbor' : names.join(', ')} is running`);
}

/** Progress, as it happens. */
export function tell({ process, state }: Progress): void {
  const colour = state === 'RUNNING' ? 'green' : state === 'FATAL' || state === 'BACKOFF' ? 'red' : 'grey';
  note(`${process} ${paint(colour, state)}`);
}
