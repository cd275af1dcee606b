import type { Place } from '@harbor/runtime';
import { note, say, sayJson, table } from '@harbor/terminal';
import { NodesClient } from '../cluster/gateway.js';
import type { Invitation } from './node-token.js';

/** `kato node list`: every node; with `join` also what another machine needs to become one. */
export async function nodeList(
  place: Place,
  now: Date,
  { json, join }: { readonly json?: boolean; readonly join?: boolean },
): Promise<void> {
  const { nodes } = await new NodesClient(place).nodes();
  let invitation: Invitation | undefined;
  if (join) {
    // Loaded only here: certificates are made with a library that a list need not wait for.
    const { invite } = await import('./node-token.js');
    invitation = await invite(place, now);
  }
  if (json) {
    sayJson(invitation ? { nodes, join: invitation } : nodes);
    return;
  }
  const grouped = nodes.some(({ group }) => group !== null);
  const rows = nodes.map((node) => [
    node.id,
    ...(grouped ? [node.group ?? '-'] : []),
    node.address ?? '?',
    node.state,
    node.unreachable_since ?? '',
    String(node.ports_used),
    String(node.ports_free ?? '?'),
    node.plane ?? '?',
  ]);
  const head = ['node', ...(grouped ? ['group'] : []), 'address', 'state', 'since', 'used', 'free', 'plane'];
  say(table([head, ...rows]));
  if (!invitation) return;
  note(`this token is good once, until ${invitation.expires_at}; on the other machine type:`);
  say(invitation.command);
}
