import { backoffDelay, type Clock, type Random } from '@harbor/core';
import { connect } from 'node:net';

/** The waits between two looks, ms. */
const WAITS = { first: 20, most: 250 };
/** How long one look may take, ms. */
const PATIENCE = 1_000;

export interface WatchOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Take it as ready after this long, ms; otherwise it is waited for without end. */
  readonly atMost?: number;
  /** Called where it is still waited for after a while. */
  readonly late?: () => void;
}

/** How long it may take before somebody is told, ms. */
const LATE = 5_000;

/** Calls `ready` once, as soon as `look` finds it so. The function returned ends the search. */
export function whenReady(
  look: () => Promise<boolean>,
  { clock, random, atMost = Infinity, late }: WatchOptions,
  ready: () => void,
): () => void {
  const start = clock.now();
  let ended = false;
  let cancel = (): void => undefined;
  const cancelLate = late ? clock.schedule(LATE, late) : undefined;
  const attempt = async (number: number): Promise<void> => {
    const found = (await look()) || clock.now() - start >= atMost;
    if (ended) return;
    if (found) {
      cancelLate?.();
      ready();
    } else cancel = clock.schedule(backoffDelay(WAITS, number, random), () => void attempt(number + 1));
  };
  void attempt(0);
  return () => {
    ended = true;
    cancel();
    cancelLate?.();
  };
}

/** True where something accepts connections. */
export function acceptsTcp(address: { readonly host: string; readonly port: number }): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ ...address, timeout: PATIENCE });
    const close = (found: boolean): void => {
      socket.removeAllListeners();
      // A late error of a socket nobody waits for any more is of no interest.
      socket.on('error', () => undefined).destroy();
      resolve(found);
    };
    socket.once('connect', () => close(true));
    socket.once('error', () => close(false));
    socket.once('timeout', () => close(false));
  });
}
