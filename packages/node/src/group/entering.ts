import {
  givenTo,
  intPortsOf,
  nextIntPort,
  ownerOf,
  type Membership,
  type Replica,
  type Service,
} from '@harbor/core';
import type { Follower, Store } from '@harbor/store';
import { moveOf } from '../ports/claims.js';

export interface EnteringOptions {
  readonly membership: Membership;
  readonly store: Pick<Store, 'commit'>;
  readonly follower: Follower;
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void };
}

/**
 * Brings what the node made under another membership into the one it has now: its services become its
 * group's when it joins one, and its own again when it leaves one that has nobody else. Ports do not change:
 * where one is somebody else's there, the service stays what it was, and that is said. Its int_port stays where it
 * is free there, too: each node counts them from 4100 up, so it often is not, as in a migration. Resolves with what
 * has come along. Errors: those of Redis.
 */
export async function bringServices({
  membership,
  store,
  follower,
  log,
}: EnteringOptions): Promise<readonly string[]> {
  const { replica } = follower;
  const { node, owner } = membership;
  const brought: string[] = [];
  for (const before of leftBehind(membership, replica)) {
    const { group } = before;
    const given = givenTo(before, membership.fields);
    const after = { ...given, intPort: intPortFor(before) };
    const result = await store.commit(moveOf(before, after, replica.revisionOf('service', before.id) ?? 0));
    if (result.done) await follower.caughtUp(result.revision);
    const about = {
      service: before.id,
      port: before.port,
      from: group ?? node,
      to: membership.group ?? node,
    };
    if (result.done) {
      brought.push(before.id);
      log.info({ event: 'service_entered', ...about }, 'a service has come along');
    } else
      log.warn(
        { event: 'service_left_out', ...about, taken: result.unmet.id },
        'a service stays what it was: one of its numbers is taken where the node is now',
      );
  }
  return brought;

  function intPortFor(service: Service): number {
    const claims = [...replica.all('int_port')].filter((claim) => ownerOf(claim) === owner);
    const taken = new Set(claims.map(({ port }) => port));
    const wanted = intPortsOf(service);
    if (!wanted.some((port) => taken.has(port))) return service.intPort;
    return nextIntPort(taken, wanted.length) ?? service.intPort;
  }
}

/** What the node made under another membership, and no other node serves. */
export function leftBehind({ node, owner }: Membership, replica: Replica): Service[] {
  const groups = new Set([...replica.all('member')].flatMap((one) => (one.node === node ? [] : one.group)));
  return [...replica.all('service')].filter(
    (one) =>
      one.node === node && ownerOf(one) !== owner && !(one.group !== undefined && groups.has(one.group)),
  );
}
