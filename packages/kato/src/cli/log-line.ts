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
