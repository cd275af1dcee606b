import { HarborError } from '@harbor/core';
import type { Place } from '@harbor/runtime';
import { guardHome } from '../supervisor/guard.js';
import { connectSupervisor, type SupervisorClient } from '../supervisor/index.js';
import { tell } from './change.js';
import { info } from './info.js';
import { tellOfRules } from './rules.js';
import { fail, note, say } from '@harbor/terminal';

/** `kato run`: everything in the foreground until it is interrupted; nothing is left behind. */
export async function run(place: Place, env: NodeJS.ProcessEnv): Promise<void> {
  place.load({});
  if (await connectSupervisor(place))
    throw new HarborError('HARBOR_ALREADY_RUNNING', `Harbor already runs in ${place.home.dir}`);
  const asked = new AbortController();
  const there: { supervisor?: SupervisorClient } = {};
  let stopping: Promise<void> | undefined;
  const stop = (): void => {
    // Asked twice by one Ctrl-C: the terminal tells every process, and npm those below it once more.
    stopping ??= there.supervisor
      ?.stop([], tell, true)
      .catch(() => undefined)
      .finally(() => (stopping = undefined));
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => {
      if (!asked.signal.aborted) note('stopping …');
      asked.abort();
      stop();
    });
  let guard = Promise.resolve();
  // Killed before that, it would leave behind what it has started.
  await new Promise<void>((guarding, failed) => {
    guard = guardHome(env, true, guarding);
    guard.then(guarding, failed);
  });
  const supervisor = await untilThere(place);
  there.supervisor = supervisor;
  if (asked.signal.aborted) stop();
  try {
    if (!asked.signal.aborted) await supervisor.start([], tell);
  } catch (error) {
    if (!asked.signal.aborted) {
      await supervisor.stop([], () => undefined, true).catch(() => undefined);
      await guard;
      fail('kato', error);
    }
  }
  if (!asked.signal.aborted) await welcome(place);
  await guard;
  say('Harbor is stopped');
  await tellOfRules('kato stop --flush');
  process.exit(0);
}

async function untilThere(place: Place): Promise<SupervisorClient> {
  for (;;) {
    const client = await connectSupervisor(place);
    if (client) return client;
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
}

async function welcome(place: Place): Promise<void> {
  say('');
  say('Harbor is running.');
  say('');
  await info(place, {});
  say(`logs         ${place.home.logs}`);
  say('');
  say('In another shell:');
  say('  bin/kato status');
  say('  bin/harbor create-service harbor web');
  say('  bin/harbor run --app demo --instances 3 --service web -- node examples/echo.js');
  say('');
  say('Ctrl-C stops everything.');
}
