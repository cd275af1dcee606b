import type { Clock } from '@harbor/core';
import { constants, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';

/** Frames that cost a server work and a client nothing: how many at once, and how many a second after that. */
const ALLOWED = {
  ping: { burst: 200, rate: 10 },
  settings: { burst: 50, rate: 1 },
  reset: { burst: 300, rate: 30 },
} as const;

type Frame = keyof typeof ALLOWED;

/**
 * Ends a connection that sends such frames without end; `onFlood` is told of it once. Its streams are to be shown
 * to what it returns, which is false for one that needs no answer any more.
 */
export function guardSession(
  session: ServerHttp2Session,
  clock: Clock,
  onFlood: (frame: Frame) => void,
): (stream: ServerHttp2Stream) => boolean {
  const left: Record<Frame, number> = { ping: 0, settings: 0, reset: 0 };
  for (const frame of Object.keys(ALLOWED) as Frame[]) left[frame] = ALLOWED[frame].burst;
  let since = clock.now();
  let flooded = false;
  const count = (frame: Frame): void => {
    const now = clock.now();
    for (const each of Object.keys(ALLOWED) as Frame[]) {
      const { burst, rate } = ALLOWED[each];
      left[each] = Math.min(burst, left[each] + (rate * (now - since)) / 1_000);
    }
    since = now;
    if (flooded || --left[frame] >= 0) return;
    flooded = true;
    onFlood(frame);
    session.destroy(undefined, constants.NGHTTP2_ENHANCE_YOUR_CALM);
  };
  session.on('ping', () => count('ping'));
  session.on('remoteSettings', () => count('settings'));
  return (stream) => {
    // Already ended by the client when we hear of it: nothing is to be done for it.
    if (stream.closed || stream.destroyed) {
      count('reset');
      return false;
    }
    stream.on('close', () => {
      if (stream.aborted) count('reset');
    });
    return true;
  };
}
