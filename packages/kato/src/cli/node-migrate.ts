import { HarborError } from '@harbor/core';
import type { Place } from '@harbor/runtime';
import { note, say, sayJson } from '@harbor/terminal';
import type { MoveView } from '@harbor/wire';
import { NodesClient } from '../cluster/gateway.js';

/**
 * `kato node migrate OLD NEW`: every service of OLD goes to NEW with its port, one after the other. What
 * cannot go is listed, and the exit code is 1. Errors: HARBOR_NODE_NOT_FOUND, HARBOR_USAGE, those of the gateway.
 */
export async function nodeMigrate(
  place: Place,
  from: string,
  to: string,
  { json, dryRun = false }: { readonly json?: boolean; readonly dryRun?: boolean },
): Promise<void> {
  if (from === to) throw new HarborError('HARBOR_USAGE', 'OLD and NEW are the same node');
  const gateway = new NodesClient(place);
  const { nodes } = await gateway.nodes();
  for (const id of [from, to])
    if (!nodes.some((node) => node.id === id))
      throw new HarborError('HARBOR_NODE_NOT_FOUND', `there is no node ${id}`);
  const services = await gateway.servicesOf(from);
  const outcomes: MoveView[] = [];
  for (const [at, { id, name, port }] of services.entries()) {
    const outcome = await gateway.move(id, from, to, dryRun);
    outcomes.push(outcome);
    const went = outcome.error === null;
    const what = dryRun ? 'can be moved' : 'moved';
    const how = went ? what : `stays on ${from}: ${outcome.reason ?? outcome.error ?? ''}`;
    if (!json) note(`${at + 1}/${services.length} ${name} (port ${port ?? '?'}) ${how}`);
  }
  const stayed = outcomes.filter(({ error }) => error !== null);
  if (json) sayJson({ from, to, dry_run: dryRun, services: outcomes });
  else {
    const count = outcomes.length - stayed.length;
    const tail = stayed.length > 0 ? `, ${stayed.length} cannot be` : '';
    say(`${count} of ${outcomes.length} services ${dryRun ? 'can be moved' : `are moved to ${to}`}${tail}`);
  }
  if (stayed.length > 0) process.exitCode = 1;
}
