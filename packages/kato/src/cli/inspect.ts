import { liveSettings, type Place } from '@harbor/runtime';
import { paint, say, sayJson, table } from '@harbor/terminal';
import type { Finding } from '../inspect/finding.js';
import { inspectHome } from '../inspect/home.js';
import { inspectMachine } from '../inspect/machine.js';
import { inspectStack } from '../inspect/stack.js';

const COLOURS = { ok: 'green', warn: 'yellow', fail: 'red' } as const;

/** Looks at the machine, the home and what is running. Errors: HARBOR_CONFIG_INVALID. */
export async function findings(place: Place): Promise<Finding[]> {
  const { settings } = await liveSettings(place);
  return [...inspectMachine(settings), ...inspectHome(place.home), ...(await inspectStack(place, settings))];
}

/** `kato inspect`: exit code 1 where something keeps Harbor from working. */
export async function inspect(place: Place, { json }: { readonly json?: boolean }): Promise<void> {
  const all = await findings(place);
  if (json) sayJson(all);
  else {
    const rows = all.map(({ check, state, found }) => [state, check, found]);
    for (const [at, line] of table(rows).split('\n').entries()) {
      const { state, remedy } = all[at] ?? { state: 'ok' };
      say(line.replace(/^\w+/, (word) => paint(COLOURS[state], word)));
      if (remedy !== undefined) say(`      → ${remedy}`);
    }
  }
  process.exitCode = all.some(({ state }) => state === 'fail') ? 1 : 0;
}
