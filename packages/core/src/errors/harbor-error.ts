import { CATALOGUE, type ErrorCode, type ErrorEntry } from './catalogue.js';

/** What an error can carry beside its message: the values a log line or an API answer shows. */
export type ErrorDetails = Readonly<Record<string, unknown>>;

/**
 * The one error class of Harbor. `message` says what is wrong and where; the catalogue entry of its
 * `code` adds what to do and the HTTP status.
 */
export class HarborError extends Error {
  override readonly name = 'HarborError';

  constructor(
    readonly code: ErrorCode,
    message: string,
    options: { readonly cause?: unknown; readonly details?: ErrorDetails } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.details = options.details ?? {};
  }

  readonly details: ErrorDetails;

  get entry(): ErrorEntry {
    return CATALOGUE[this.code];
  }
}

/** Makes a HarborError of anything thrown; what is none becomes HARBOR_INTERNAL with it as the cause. */
export function asHarborError(thrown: unknown): HarborError {
  if (thrown instanceof HarborError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new HarborError('HARBOR_INTERNAL', message, { cause: thrown });
}

/** The error another process reported; a code this version does not know becomes HARBOR_INTERNAL. */
export function reportedError(code: string, message: string, details?: ErrorDetails): HarborError {
  const known = Object.hasOwn(CATALOGUE, code);
  return new HarborError(
    known ? (code as ErrorCode) : 'HARBOR_INTERNAL',
    known ? message : `${code}: ${message}`,
    details && { details },
  );
}
