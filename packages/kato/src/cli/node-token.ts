import { shellWord, HarborError } from '@harbor/core';
import { firstExternalIPv4 } from '@harbor/machine';
import { withStore, type Place } from '@harbor/runtime';
import type { Change } from '@harbor/core';
import { ensureAuthority } from '../cluster/authority.js';
import { fingerprintOf, formatToken, newToken, TOKEN_GOOD_FOR, tokenId } from '../cluster/token.js';
import { connectSupervisor } from '../supervisor/index.js';

/** What another machine needs to be attached. */
export interface Invitation {
  readonly token: string;
  readonly expires_at: string;
  /** To be typed on the other machine. */
  readonly command: string;
}

/**
 * Makes a token that is good once, and has other nodes reach this core from now on.
 * Errors: HARBOR_NOT_RUNNING, HARBOR_NODE_ATTACHED, HARBOR_ADDRESS_IN_USE, HARBOR_REDIS_UNAVAILABLE.
 */
export async function invite(place: Place, now: Date): Promise<Invitation> {
  if (place.core)
    throw new HarborError(
      'HARBOR_NODE_ATTACHED',
      'this node is attached to a core; nodes are attached there',
    );
  const supervisor = await connectSupervisor(place);
  if (!supervisor) throw new HarborError('HARBOR_NOT_RUNNING', 'Harbor is not running in this home');
  await supervisor.openFront();
  const made = newToken(fingerprintOf(ensureAuthority(place.home, now).ca));
  const expiresAt = now.getTime() + TOKEN_GOOD_FOR;
  await withStore(place, async (store) => {
    const { records } = await store.snapshot(['join']);
    const write = [
      { kind: 'join', id: tokenId(made.secret), value: { expiresAt } } as const,
      ...expired(records, now.getTime()).map((id) => ({ kind: 'join', id, value: undefined }) as const),
    ];
    await store.commit({ expect: [], write });
  });
  const token = formatToken(made);
  const { join_host, join_port } = place.load({}).kato;
  const host = ['0.0.0.0', '::'].includes(join_host) ? (firstExternalIPv4() ?? '127.0.0.1') : join_host;
  const at = `${host.includes(':') ? `[${host}]` : host}${join_port === 8192 ? '' : `:${join_port}`}`;
  return {
    token,
    expires_at: new Date(expiresAt).toISOString(),
    command: `kato node attach -e harbor ${shellWord(at)} --token ${shellWord(token)}`,
  };
}

function expired(records: readonly Change[], now: number): string[] {
  return records.flatMap(({ kind, id, value }) =>
    kind === 'join' && value && value.expiresAt <= now ? [id] : [],
  );
}
