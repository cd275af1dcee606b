import { backoffDelay, type Millis, type Random } from '@harbor/core';

export type ProcessState = 'STARTING' | 'RUNNING' | 'STOPPING' | 'STOPPED' | 'BACKOFF' | 'FATAL';

/** How a process stands. Pure: what happens to it is an event, what is to be done an effect. */
export interface Lifecycle {
  readonly state: ProcessState;
  readonly pid?: number;
  /** When it entered the state, ms since the epoch. */
  readonly since: Millis;
  /** Starts after a crash since it was last asked to start. */
  readonly restarts: number;
  /** Crashes in a row, none of which came after a while of serving. */
  readonly crashes: number;
  /** Why it is in BACKOFF or FATAL. */
  readonly reason?: string;
}

export type LifecycleEvent =
  | { readonly type: 'start' }
  | { readonly type: 'spawned'; readonly pid: number }
  | { readonly type: 'ready' }
  /** It ended, or could not be started. `final`: starting it again would end the same way. */
  | { readonly type: 'ended'; readonly reason: string; readonly final: boolean }
  | { readonly type: 'stop' }
  | { readonly type: 'retry' };

export type Effect =
  | { readonly do: 'spawn' }
  | { readonly do: 'end' }
  | { readonly do: 'retry'; readonly after: Millis }
  | { readonly do: 'nothing' };

const BACKOFF = { first: 250, most: 15_000 };
/** Crashes in a row after which it is given up. */
const MOST_CRASHES = 6;
/** Having served this long it is well again, ms. */
const WELL_AFTER = 10_000;

export const STOPPED: Lifecycle = { state: 'STOPPED', since: 0, restarts: 0, crashes: 0 };

/** What an event makes of a process, and what is to be done. An event that does not fit changes nothing. */
export function advance(
  now: Lifecycle,
  event: LifecycleEvent,
  time: Millis,
  random: Random,
): { readonly next: Lifecycle; readonly effect: Effect } {
  const enter = (state: ProcessState, more: Partial<Lifecycle> = {}): Lifecycle => ({
    state,
    since: time,
    restarts: now.restarts,
    crashes: now.crashes,
    ...more,
  });
  const still = { next: now, effect: { do: 'nothing' } as const };
  switch (event.type) {
    case 'start':
      if (now.state === 'STARTING' || now.state === 'RUNNING' || now.state === 'STOPPING') return still;
      return { next: enter('STARTING', { restarts: 0, crashes: 0 }), effect: { do: 'spawn' } };
    case 'retry':
      if (now.state !== 'BACKOFF') return still;
      return { next: enter('STARTING', { restarts: now.restarts + 1 }), effect: { do: 'spawn' } };
    case 'spawned':
      return now.state === 'STARTING'
        ? { next: { ...now, pid: event.pid }, effect: { do: 'nothing' } }
        : still;
    case 'ready':
      if (now.state !== 'STARTING') return still;
      return {
        next: enter('RUNNING', now.pid === undefined ? {} : { pid: now.pid }),
        effect: { do: 'nothing' },
      };
    case 'stop':
      if (now.state === 'STOPPED' || now.state === 'STOPPING') return still;
      if (now.pid === undefined) return { next: enter('STOPPED'), effect: { do: 'nothing' } };
      return { next: enter('STOPPING', { pid: now.pid }), effect: { do: 'end' } };
    case 'ended':
      if (now.state === 'STOPPED' || now.state === 'BACKOFF' || now.state === 'FATAL') return still;
      if (now.state === 'STOPPING') return { next: enter('STOPPED'), effect: { do: 'nothing' } };
      return crashed(now, event, time, random);
  }
}

function crashed(
  now: Lifecycle,
  event: Extract<LifecycleEvent, { type: 'ended' }>,
  time: Millis,
  random: Random,
): { next: Lifecycle; effect: Effect } {
  const wasWell = now.state === 'RUNNING' && time - now.since >= WELL_AFTER;
  const crashes = wasWell ? 1 : now.crashes + 1;
  const rest = { since: time, restarts: now.restarts, crashes, reason: event.reason };
  if (event.final || crashes >= MOST_CRASHES)
    return { next: { state: 'FATAL', ...rest }, effect: { do: 'nothing' } };
  return {
    next: { state: 'BACKOFF', ...rest },
    effect: { do: 'retry', after: backoffDelay(BACKOFF, crashes - 1, random) },
  };
}
