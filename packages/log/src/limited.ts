import type { Clock, Millis } from '@harbor/core';

/** One line per kind in this time. */
const WINDOW: Millis = 60_000;
/** Kinds remembered at once: whoever invents kinds without end fills no memory. */
const MOST_KINDS = 1_000;

interface Window {
  readonly until: Millis;
  count: number;
  fields: object;
}

/** What a limited reporter writes to. */
export interface Sink {
  warn(fields: object, message: string): void;
}

export interface LimitedReporter {
  /** Logs the first of a kind at once, and what came after it once the minute is over, with its count. */
  report(kind: string, fields: { readonly event: string } & Record<string, unknown>): void;
}

/** Logs what may come without end once per kind and minute, with its count. */
export function limitedReporter(clock: Clock, log: Sink): LimitedReporter {
  const windows = new Map<string, Window>();
  const close = (kind: string): void => {
    const window = windows.get(kind);
    windows.delete(kind);
    if (!window || window.count === 0) return;
    log.warn({ ...window.fields, count: window.count }, `${messageOf(window.fields)} (${window.count} more)`);
  };
  return {
    report(kind, fields) {
      const slot = windows.has(kind) || windows.size < MOST_KINDS ? kind : 'other kinds';
      const window = windows.get(slot);
      if (window) {
        window.count++;
        window.fields = fields;
        return;
      }
      windows.set(slot, { until: clock.now() + WINDOW, count: 0, fields });
      clock.schedule(WINDOW, () => close(slot));
      log.warn({ ...fields, count: 1 }, messageOf(fields));
    },
  };
}

function messageOf(fields: object): string {
  const { reason, event } = fields as { reason?: unknown; event?: unknown };
  return typeof reason === 'string' ? reason : String(event);
}
