import { escaped, HarborError } from '@harbor/core';
import { destination, pino, stdTimeFunctions, type Logger, type LoggerOptions as PinoOptions } from 'pino';
import { openLogFile, type LogFile } from './file.js';
import { REDACTED_PATHS, scrub } from './redact.js';

export type { Logger } from 'pino';

export interface LoggerOptions extends LogFile {
  readonly level: string;
}

/**
 * A logger of JSON lines into `<dir>/<name>.log`, each written before the call returns, so that a crash
 * loses none. Secrets are taken out of fields, messages and errors, and characters that a terminal would obey are
 * written as JSON escapes.
 */
export async function createLogger(options: LoggerOptions): Promise<Logger> {
  return pino(formOf(options), await openLogFile(options));
}

/** The same lines to stdout, for a process that runs beside an application or in a container. */
export function createStdoutLogger(options: Pick<LoggerOptions, 'name' | 'level'>): Logger {
  return pino(formOf(options), destination({ fd: 1, sync: true }));
}

function formOf({ name, level }: Pick<LoggerOptions, 'name' | 'level'>): PinoOptions {
  return {
    name,
    level,
    timestamp: stdTimeFunctions.isoTime,
    formatters: {
      level: (label) => ({ level: label }),
      bindings: ({ name, pid }) => ({ name: name as unknown, pid: pid as unknown }),
    },
    redact: { paths: REDACTED_PATHS, censor: '…' },
    serializers: { err: describeError },
    // The whole line: whatever field or error a URL stands in, its login goes.
    hooks: { streamWrite: (line) => `${escaped(scrub(line.trimEnd()))}\n` },
  };
}

/** An error as a log line shows it: its code, its chain of causes and, for what was not foreseen, its stack. */
export function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return String(error);
  const foreseen = error instanceof HarborError && error.code !== 'HARBOR_INTERNAL';
  return {
    type: error.name,
    message: error.message,
    ...(error instanceof HarborError ? { code: error.code, details: error.details } : {}),
    ...(foreseen ? {} : { stack: error.stack ?? '' }),
    ...(error.cause === undefined ? {} : { cause: describeError(error.cause) }),
  };
}
