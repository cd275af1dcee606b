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
      hooks: {
        logMethod(args, method) {
          const scrubbed = args.map((arg: unknown) => (typeof arg === 'string' ? scrub(arg) : arg));
          method.apply(this, scrubbed as Parameters<typeof method>);
        },
      },
    },
    stream,
  );
}

/** An error as a log line shows it: its code, its chain of causes and, for what was not foreseen, its stack. */
export function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return scrub(String(error));
  const foreseen = error instanceof HarborError && error.code !== 'HARBOR_INTERNAL';
  return {
    type: error.name,
    message: scrub(error.message),
    ...(error instanceof HarborError ? { code: error.code, details: error.details } : {}),
    ...(foreseen ? {} : { stack: scrub(error.stack ?? '') }),
    ...(error.cause === undefined ? {} : { cause: describeError(error.cause) }),
  };
}
