import { HarborError, type ErrorCode } from '@harbor/core';
import type { ErrorBody } from '@harbor/wire';

/** The words the Open Service Broker specification has for errors of ours. */
const BROKER_WORDS: Partial<Record<ErrorCode, string>> = {
  HARBOR_SERVICE_BUSY: 'ConcurrencyError',
  HARBOR_MAINTENANCE_INFO: 'MaintenanceInfoConflict',
};

/** What fastify found wrong with a request before any handler saw it. */
const REQUEST_PROBLEMS: Readonly<Record<string, string>> = {
  FST_ERR_CTP_EMPTY_JSON_BODY: 'the request body is empty',
  FST_ERR_CTP_INVALID_JSON_BODY: 'the request body is not JSON',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'the request body is not as long as its Content-Length',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'the media type must be application/json',
  FST_ERR_BAD_URL: 'the path is not properly percent-encoded',
  FST_ERR_MAX_PARAM_LENGTH: 'an id in the path is too long',
};

/** An error as HTTP says it: never a stack, never what a bug happened to throw. */
export interface HttpError {
  readonly status: number;
  readonly body: ErrorBody;
}

/** Turns anything thrown into an answer. */
export function httpErrorOf(thrown: unknown): HttpError {
  const error = knownError(thrown);
  const description =
    error.code === 'HARBOR_INTERNAL' ? `${error.entry.summary} harbor_gateway.log says more.` : error.message;
  return { status: error.entry.status, body: { error: BROKER_WORDS[error.code] ?? error.code, description } };
}

/** The HarborError that a thrown value is, or stands for. */
export function knownError(thrown: unknown): HarborError {
  if (thrown instanceof HarborError) return thrown;
  const { code, statusCode } = thrown as { code?: unknown; statusCode?: unknown };
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE')
    return new HarborError('HARBOR_BODY_TOO_LARGE', 'the request body is over 64 KiB', { cause: thrown });
  const problem = typeof code === 'string' ? REQUEST_PROBLEMS[code] : undefined;
  if (problem !== undefined) return new HarborError('HARBOR_REQUEST_INVALID', problem, { cause: thrown });
  if (typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500)
    return new HarborError('HARBOR_REQUEST_INVALID', 'the request is malformed', { cause: thrown });
  return new HarborError('HARBOR_INTERNAL', String(thrown), { cause: thrown });
}
