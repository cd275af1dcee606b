import { HarborError, type Millis } from '@harbor/core';

/** What was asked for and where, for the messages. */
export interface Sought {
  readonly node: string;
  readonly range: string;
  /** How many contiguous ports. */
  readonly size: number;
  /** What the connector said of ports it could not have: `35001: held by pid 7 (nc)`. */
  readonly skipped: readonly string[];
}

/** A port of somebody's that was given back; `wait` ms are left. */
export function portCools(port: number, wait: Millis): HarborError {
  const message = `port ${port} was given back a moment ago and cools down for another ${seconds(wait)}`;
  return new HarborError('HARBOR_PORT_COOLING', message, { details: { port, wait_ms: wait } });
}

export function portTaken(port: number): HarborError {
  return new HarborError('HARBOR_PORT_TAKEN', `port ${port} belongs to another service`);
}

/** The port asked for is free for all that Harbor knows, but somebody else has it. */
export function portHeld(port: number, { node, size, skipped }: Sought): HarborError {
  const what = size === 1 ? `port ${port} is` : `a port of ${port}-${port + size - 1} is`;
  return new HarborError(
    'HARBOR_PORT_TAKEN',
    `${what} held by another process on ${node}${reasons(skipped)}`,
  );
}

/** Nothing of the range is left; `cooling` of its ports will be free again, the first after `next` ms. */
export function rangeFull(
  { node, range, size, skipped }: Sought,
  { count, next }: { readonly count: number; readonly next: Millis },
): HarborError {
  const ports = count === 1 ? '1 port cools' : `${count} ports cool`;
  const cooling = count === 0 ? '' : `; ${ports} down, the next is free in ${seconds(next)}`;
  const what = size === 1 ? `no port of ${range} is` : `no ${size} contiguous ports of ${range} are`;
  return new HarborError('HARBOR_PORT_RANGE_FULL', `${what} free on ${node}${reasons(skipped)}${cooling}`);
}

function reasons(skipped: readonly string[]): string {
  if (skipped.length === 0) return '';
  return ` (${skipped.slice(0, 3).join('; ')}${skipped.length > 3 ? ' …' : ''})`;
}

/** A wait as people read it, rounded up: who comes back then does not come too early. */
function seconds(wait: Millis): string {
  return `${Math.ceil(wait / 1_000)} s`;
}
