import { HarborError } from '@harbor/core';
import type { Place } from '@harbor/runtime';
import { resolveNames } from '../processes/catalogue.js';
import { readProcesses } from './status.js';
import { say, sayJson, table } from '@harbor/terminal';

/** How often a process is asked for while one waits for it, ms. */
const EVERY = 50;

/** `kato process list` */
export async function processList(place: Place, options: { readonly json?: boolean }): Promise<void> {
  const processes = await readProcesses(place);
  if (options.json) sayJson(processes);
  else say(table(processes.map(({ name, state, pid }) => [name, state, pid === null ? '' : String(pid)])));
}

/** `kato process ready`: waits up to `block` seconds. Errors: HARBOR_NOT_RUNNING where it does not serve then. */
export async function processReady(place: Place, name: string, block: number): Promise<void> {
  const [wanted] = resolveNames([name]);
  for (const end = Date.now() + block * 1_000; ;) {
    const state = (await readProcesses(place)).find((process) => process.name === wanted)?.state ?? 'STOPPED';
    if (state === 'RUNNING') {
      say(`${name} is ready`);
      return;
    }
    if (Date.now() >= end) throw new HarborError('HARBOR_NOT_RUNNING', `${name} is not ready: ${state}`);
    await new Promise((resolve) => setTimeout(resolve, EVERY));
  }
}
