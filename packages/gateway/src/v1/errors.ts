import { serviceErrorOf, type V1Error } from '@harbor/wire';
import { knownError } from '../http/errors.js';

/** Where the v1 gateway is served; its errors have a shape of their own. */
const PLACES = /^\/(gateway|service\/internal)\/v1(\/|\?|$)/;

/** What fastify calls a media type that it cannot read. */
const BAD_MEDIA_TYPE = 'FST_ERR_CTP_INVALID_MEDIA_TYPE';

/** What the v1 gateway answers where it, not its node, was out of time. */
const GATEWAY_TIMEOUT = { code: 30700, status: 504 };
const MEDIA_TYPE = { code: 30000, status: 400 };

/** True for every address of the v1 gateway, those it does not know too. */
export function isV1(url: string): boolean {
  return PLACES.test(url);
}

/** Turns anything thrown into an answer of the v1 gateway (wire facts §1). */
export function v1ErrorOf(thrown: unknown): { readonly status: number; readonly body: V1Error } {
  const error = knownError(thrown);
  const internal = error.code === 'HARBOR_INTERNAL';
  const description = internal ? `${error.entry.summary} harbor_gateway.log says more.` : error.message;
  const { code, status } = codeOf(thrown, error);
  return { status, body: { code, description, error: { backtrace: null, types: [error.code] } } };
}

function codeOf(thrown: unknown, error: ReturnType<typeof knownError>) {
  if ((thrown as { code?: unknown }).code === BAD_MEDIA_TYPE) return MEDIA_TYPE;
  // A node that answers that it was out of time has rolled back; of one that is silent nobody knows.
  if (error.code === 'HARBOR_NODE_TIMEOUT' && error.details.answered !== true) return GATEWAY_TIMEOUT;
  return serviceErrorOf(error);
}
