import type { Random } from '../time/clock.js';
import type { PortRange } from './range.js';

/** What knows whether a number may not be had. */
export interface TakenPorts {
  has(port: number): boolean;
}

/** The numbers of a block: `size` of them from `first` up. */
export function blockOf(first: number, size: number): number[] {
  return Array.from({ length: size }, (_, at) => first + at);
}

/** Every place of a range where `size` contiguous ports are free, by its first port, ascending. */
export function freePlaces(range: PortRange, size: number, taken: TakenPorts): number[] {
  const places: number[] = [];
  let run = 0;
  for (let port = range.low; port <= range.high; port++) {
    run = taken.has(port) ? 0 : run + 1;
    if (run >= size) places.push(port - size + 1);
  }
  return places;
}

/**
 * The places of a range for `size` contiguous ports in a uniformly random order, drawn one at a time (a
 * Fisher–Yates shuffle that goes only as far as it is asked), so that a caller whose first choice is held
 * by somebody else goes on with the next and every place stays equally likely.
 */
export function* freePorts(
  range: PortRange,
  taken: TakenPorts,
  random: Random,
  size = 1,
): Generator<number, void, void> {
  const free = freePlaces(range, size, taken);
  for (let left = free.length; left > 0; left--) {
    const pick = Math.floor(random() * left);
    const port = free[pick];
    const last = free[left - 1];
    if (port === undefined || last === undefined) return;
    free[pick] = last;
    yield port;
  }
}

/**
 * The same for one who may have some cooling ports again: the places that are wholly his own come first,
 * lowest first, and then all others at random. `taken` does not hold his own.
 */
export function* placesFor(
  range: PortRange,
  size: number,
  { taken, own }: { readonly taken: TakenPorts; readonly own: TakenPorts },
  random: Random,
): Generator<number, void, void> {
  const notOwn = { has: (port: number) => taken.has(port) || !own.has(port) };
  const again = freePlaces(range, size, notOwn);
  yield* again;
  const tried = new Set(again);
  for (const place of freePorts(range, taken, random, size)) if (!tried.has(place)) yield place;
}

/** The first `int_port` handed out (contract §3). */
export const FIRST_INT_PORT = 4100;

/** The lowest int_port from 4100 up with which `size` in a row are no service's; undefined without any. */
export function nextIntPort(taken: TakenPorts, size = 1): number | undefined {
  let run = 0;
  for (let port = FIRST_INT_PORT; port <= 65535; port++) {
    run = taken.has(port) ? 0 : run + 1;
    if (run === size) return port - size + 1;
  }
  return undefined;
}
