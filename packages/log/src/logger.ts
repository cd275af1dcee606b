import { HarborError } from '@harbor/core';
import { pino, stdTimeFunctions, type Logger } from 'pino';
import { openLogFile, type LogFile } from './file.js';
import { REDACTED_PATHS, scrub } from './redact.js';

export type { Logger } from 'pino';

export interface LoggerOptions extends LogFile {
  readonly level: string;
}

/**
 * A logger of JSON lines into `<dir>/<name>.log`, each written before the call returns, so that a crash
 * loses none. Secrets are taken out of fields, messages and errors.
 */
export async function createLogger(options: LoggerOptions): Promise<Logger> {
  const stream = await openLogFile(options);
  return pino(
    {
      name: options.name,
      level: options.level,
      timestamp: stdTimeFunctions.isoTime,
      formatters: {
        level: (label) => ({ level: label }),
        bindings: ({ name, pid }) => ({ name: name as unknown, pid: pid as unknown }),
      },
      redact: { paths: REDACTED_PATHS, censor: '…' },
      serializers: { err: describeError },
      // The whole line: whatever field or error a URL stands in, its login goes.
      hooks: { streamWrite: scrub },
    },
    stream,
  );
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
