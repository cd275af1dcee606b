import { backoffDelay, type Clock, type Random } from '@harbor/core';
import { connect } from 'node:net';

/** The waits between two looks, ms. */
const WAITS = { first: 20, most: 250 };
/** How long one look may take, ms. */
const PATIENCE = 1_000;

/**
 * Calls `answered` once, as soon as something accepts connections at the address. The function returned
 * ends the search.
 */
export function whenAnswers(
  address: { readonly host: string; readonly port: number },
  time: { readonly clock: Clock; readonly random: Random },
  answered: () => void,
): () => void {
  let ended = false;
  let cancel = (): void => undefined;
  const look = (attempt: number): void => {
    const socket = connect({ ...address, timeout: PATIENCE });
    const close = (found: boolean): void => {
      socket.removeAllListeners();
      // A late error of a socket nobody waits for any more is of no interest.
      socket.on('error', () => undefined).destroy();
      if (ended) return;
      if (found) answered();
      else cancel = time.clock.schedule(backoffDelay(WAITS, attempt, time.random), () => look(attempt + 1));
    };
    socket.once('connect', () => close(true));
    socket.once('error', () => close(false));
    socket.once('timeout', () => close(false));
  };
  look(0);
  return () => {
    ended = true;
    cancel();
  };
}
