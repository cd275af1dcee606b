import { escaped } from '@harbor/core';
import { PROCESSES, type ProcessName } from '../processes/catalogue.js';

/** Whose logs there are, in the order of the listings. */
export const LOGS: readonly (ProcessName | 'kato')[] = [...PROCESSES.map(({ name }) => name), 'kato'];

/** A line of any of the logs, as far as it could be understood. */
export interface LogLine {
  readonly process: string;
  /** ms since the epoch; undefined where the line does not say. */
  readonly time?: number;
  readonly level?: string;
  readonly message: string;
  /** The other fields of a JSON line. */
  readonly fields: Readonly<Record<string, unknown>>;
  readonly raw: string;
}

/** `4711:M 21 Nov 2026 05:12:10.123 * Ready to accept connections` */
const REDIS = /^\d+:\w (\d{1,2} \w{3} \d{4} \d\d:\d\d:\d\d\.\d{3}) ([.\-*#]) (.*)$/;
/** `[4711] 2026/11/21 05:12:10.123456 [INF] Server is ready` */
const NATS = /^\[\d+\] (\d{4})\/(\d\d)\/(\d\d) (\d\d:\d\d:\d\d\.\d+) \[(\w+)\] (.*)$/;
const REDIS_LEVELS: Readonly<Record<string, string>> = {
  '.': 'debug',
  '-': 'info',
  '*': 'info',
  '#': 'warn',
};
const NATS_LEVELS: Readonly<Record<string, string>> = {
  INF: 'info',
  WRN: 'warn',
  ERR: 'error',
  FTL: 'fatal',
  DBG: 'debug',
};

/** Reads a line of a process's log: Harbor's own JSON, Redis' or NATS' form. */
export function parseLogLine(process: string, raw: string): LogLine {
  if (raw.startsWith('{')) return parseJsonLine(process, raw);
  const redis = REDIS.exec(raw);
  if (redis) {
    const [, time = '', mark = '', message = ''] = redis;
    return { process, time: Date.parse(time), level: REDIS_LEVELS[mark] ?? 'info', message, fields: {}, raw };
  }
  const nats = NATS.exec(raw);
  if (nats) {
    const [, year = '', month = '', day = '', clock = '', level = '', message = ''] = nats;
    return {
      process,
      time: Date.parse(`${year}-${month}-${day}T${clock.slice(0, 12)}`),
      level: NATS_LEVELS[level] ?? 'info',
      message,
      fields: {},
      raw,
    };
  }
  return { process, message: raw, fields: {}, raw };
}

function parseJsonLine(process: string, raw: string): LogLine {
  try {
    const { time: stamp, level, msg, ...rest } = JSON.parse(raw) as Record<string, unknown>;
    const time = typeof stamp === 'string' ? Date.parse(stamp) : NaN;
    const fields = Object.fromEntries(
      Object.entries(rest).filter(([key]) => key !== 'name' && key !== 'pid'),
    );
    return {
      process,
      ...(Number.isNaN(time) ? {} : { time }),
      ...(typeof level === 'string' ? { level } : {}),
      message: typeof msg === 'string' ? msg : '',
      fields,
      raw,
    };
  } catch {
    return { process, message: raw, fields: {}, raw };
  }
}

/**
 * The lines of several logs merged by time; one that names none stays with the one before it in its log, or
 * after it where it is the first.
 */
export function byTime(logs: readonly (readonly LogLine[])[]): LogLine[] {
  const timed = logs.flatMap((lines) => {
    let last = lines.find(({ time }) => time !== undefined)?.time ?? 0;
    return lines.map((line) => ({ line, at: (last = line.time ?? last) }));
  });
  return timed.sort((a, b) => a.at - b.at).map(({ line }) => line);
}

/** The line as one object, whatever its log's form is. */
export function lineAsJson({ process, time, level, message, fields }: LogLine): object {
  const known = { process, time: time && new Date(time).toISOString(), level, message };
  // A field of the line that has the same name does not go before it.
  return { ...known, ...fields, ...known };
}

/** The message for a person or a line of syslog: what a client said in it commands no terminal. */
export function messageText({ message }: Pick<LogLine, 'message'>): string {
  return escaped(message);
}

/** The other fields as `name=value`, the same way; the event is what the message says in words. */
export function fieldsText(fields: LogLine['fields']): string[] {
  return Object.entries(fields)
    .filter(([name]) => name !== 'event')
    .map(([name, value]) => escaped(`${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`));
}
