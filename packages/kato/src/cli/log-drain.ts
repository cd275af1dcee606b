import { realHome } from '@harbor/config';
import { HarborError } from '@harbor/core';
import { paint, say, sayJson, table } from '@harbor/terminal';
import type { Place } from '@harbor/runtime';
import { readFileSync } from 'node:fs';
import { makeDrain } from '../drain/drain.js';
import { DrainsFile } from '../drain/drains-file.js';
import type { DrainState } from '../drain/forwarder.js';
import { connectSupervisor, LOOK_PATIENCE } from '../supervisor/index.js';
import { takeHomeLock } from '../supervisor/lock.js';

/** How often a file that another command is changing is asked for, ms, and how often at most. */
const LOOK_EVERY = 20;
const LOOKS = 500;

const COLOURS = { connected: 'green', connecting: 'grey', waiting: 'red' } as const satisfies Record<
  DrainState,
  string
>;

/**
 * `kato log drain add`: in effect at once where Harbor runs, else from its start on. Errors: HARBOR_USAGE,
 * HARBOR_CONFIG_INVALID.
 */
export async function drainAdd(
  place: Place,
  name: string,
  url: string,
  processes: readonly string[],
  { format, ca }: { readonly format: string; readonly ca?: string },
): Promise<void> {
  const drain = makeDrain(name, url, processes, format, ca);
  if (drain.ca !== undefined) await requireCertificates(drain.ca);
  await change(place, (file) => file.add(drain));
  say(`the logs go to ${name} (${url})`);
}

/** `kato log drain delete`. Errors: HARBOR_DRAIN_NOT_FOUND, HARBOR_CONFIG_INVALID. */
export async function drainDelete(place: Place, name: string): Promise<void> {
  await change(place, (file) => file.delete(name));
  say(`the logs no longer go to ${name}`);
}

/** `kato log drain list`. Errors: HARBOR_CONFIG_INVALID. */
export function drainList(place: Place, options: { readonly json?: boolean }): void {
  const drains = new DrainsFile(place.home.var).read();
  if (options.json) sayJson(drains);
  else if (drains.length === 0) say('there are no drains');
  else
    say(
      table(
        drains.map(({ name, url, format, processes }) => [name, url, format, processes.join(' ') || 'all']),
      ),
    );
}

/** `kato log drain status`. Errors: HARBOR_NOT_RUNNING where nobody forwards. */
export async function drainStatus(place: Place, options: { readonly json?: boolean }): Promise<void> {
  const supervisor = await connectSupervisor(place, LOOK_PATIENCE);
  if (!supervisor)
    throw new HarborError(
      'HARBOR_NOT_RUNNING',
      'Harbor is not running in this home, so no drain gets anything',
    );
  const drains = await supervisor.drains();
  if (options.json) sayJson(drains);
  else if (drains.length === 0) say('there are no drains');
  else {
    for (const { name, url, state, sent, dropped, queued, last_error } of drains) {
      const counts = `sent ${sent}, waiting ${queued}, dropped ${dropped}`;
      const why = last_error === null ? '' : ` (last error: ${last_error})`;
      say(`${paint('bold', name)} ${url} ${paint(COLOURS[state], state)}: ${counts}${paint('grey', why)}`);
    }
  }
}

/** Looked at when it is typed, not when the logs do not come. Errors: HARBOR_CONFIG_INVALID. */
async function requireCertificates(file: string): Promise<void> {
  // Loaded only here: no other command about logs needs it.
  const { readCertificates } = await import('@harbor/certificates');
  try {
    if (readCertificates(readFileSync(file, 'utf8')).length > 0) return;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new HarborError('HARBOR_CONFIG_INVALID', `${file} cannot be read: ${reason}`, { cause });
  }
  throw new HarborError('HARBOR_CONFIG_INVALID', `${file} holds no certificate`);
}

/** One command at a time changes the file, then the supervisor takes it over. */
async function change(place: Place, work: (file: DrainsFile) => void): Promise<void> {
  const home = realHome(place.home);
  let lock = await takeHomeLock(home, 'drains');
  for (let looks = 0; !lock && looks < LOOKS; looks++) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY));
    lock = await takeHomeLock(home, 'drains');
  }
  if (!lock) throw new HarborError('HARBOR_STATE_CONFLICT', 'another command is changing the drains');
  try {
    work(new DrainsFile(place.home.var));
    await (await connectSupervisor(place))?.reloadDrains();
  } finally {
    lock.close();
  }
}
