import { HarborError, type ErrorCode } from '@harbor/core';

/** A code of the v1 gateway and of the service nodes, with its HTTP status (wire facts §1). */
interface ServiceError {
  readonly code: number;
  readonly status: number;
}

/** What a v1 peer calls the errors it has a code for; our own begin at 31000. */
const KNOWN: Partial<Record<ErrorCode, ServiceError>> = {
  HARBOR_MEDIA_TYPE_INVALID: { code: 30000, status: 400 },
  HARBOR_REQUEST_INVALID: { code: 30001, status: 400 },
  HARBOR_MESSAGE_INVALID: { code: 30001, status: 400 },
  HARBOR_PLAN_ID_UNKNOWN: { code: 30002, status: 400 },
  HARBOR_PLAN_UNKNOWN: { code: 30003, status: 400 },
  HARBOR_VERSION_UNSUPPORTED: { code: 30004, status: 400 },
  HARBOR_UNAUTHORIZED: { code: 30100, status: 401 },
  HARBOR_NOT_FOUND: { code: 30300, status: 404 },
  HARBOR_SERVICE_NOT_FOUND: { code: 30300, status: 404 },
  HARBOR_SERVICE_GONE: { code: 30300, status: 404 },
  HARBOR_INTERNAL: { code: 30500, status: 500 },
  HARBOR_NOT_IMPLEMENTED: { code: 30501, status: 501 },
  HARBOR_NODE_TIMEOUT: { code: 30502, status: 500 },
  HARBOR_HANDLES_UNKNOWN: { code: 30600, status: 503 },
  HARBOR_NODE_UNAVAILABLE: { code: 30600, status: 503 },
  HARBOR_NATS_UNAVAILABLE: { code: 30600, status: 503 },
  HARBOR_CLOUD_CONTROLLER_UNAVAILABLE: { code: 30600, status: 503 },
  HARBOR_PORT_RANGE_FULL: { code: 31001, status: 507 },
  HARBOR_PORT_TAKEN: { code: 31002, status: 409 },
  HARBOR_PORT_OUT_OF_RANGE: { code: 31003, status: 400 },
  HARBOR_SERVICE_EXISTS: { code: 31004, status: 409 },
  HARBOR_CONNECTOR_UNAVAILABLE: { code: 31005, status: 503 },
  HARBOR_REDIS_UNAVAILABLE: { code: 31006, status: 503 },
  HARBOR_SERVICE_BUSY: { code: 31007, status: 422 },
  HARBOR_BODY_TOO_LARGE: { code: 31008, status: 413 },
  HARBOR_SERVICE_BOUND: { code: 31009, status: 409 },
  HARBOR_PORT_COOLING: { code: 31012, status: 409 },
  HARBOR_DATA_PLANE_UNAVAILABLE: { code: 31010, status: 503 },
  HARBOR_PARAMETERS_INVALID: { code: 31011, status: 400 },
};

/** The code of an error on the v1 interfaces, and the status that goes with it. */
export function serviceErrorOf(error: HarborError): ServiceError {
  return KNOWN[error.code] ?? { code: 31000, status: error.entry.status };
}

/** An error as a service node answers it: `{status, msg: {code, description, error}}`. */
export function failureOf(error: HarborError) {
  const { code, status } = serviceErrorOf(error);
  return { status, msg: { code, description: error.message, error: error.code } };
}

/** Somebody else in the space has the name of a service. */
export function nameTaken(name: string): HarborError {
  return new HarborError('HARBOR_SERVICE_EXISTS', `the name ${JSON.stringify(name)} is taken`);
}
