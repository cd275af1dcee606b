import type { Random } from '../time/clock.js';
import type { PortRange } from './range.js';

/**
 * The free ports of a range in a uniformly random order, drawn one at a time (a Fisher–Yates shuffle
 * that goes only as far as it is asked), so that a caller whose first choice is held by somebody else
 * goes on with the next and every free port stays equally likely.
 */
export function* freePorts(
  range: PortRange,
  taken: { has(port: number): boolean },
  random: Random,
): Generator<number, void, void> {
  const free: number[] = [];
  for (let port = range.low; port <= range.high; port++) if (!taken.has(port)) free.push(port);
  for (let left = free.length; left > 0; left--) {
    const pick = Math.floor(random() * left);
    const port = free[pick];
    const last = free[left - 1];
    if (port === undefined || last === undefined) return;
    free[pick] = last;
    yield port;
  }
}

/** The first `int_port` handed out (contract §3). */
export const FIRST_INT_PORT = 4100;

/** The lowest int_port from 4100 up that no service of the node has; undefined when all are used. */
export function nextIntPort(taken: { has(port: number): boolean }): number | undefined {
  for (let port = FIRST_INT_PORT; port <= 65535; port++) if (!taken.has(port)) return port;
  return undefined;
}
