import { HarborError } from '@harbor/core';
import { BROKER_VERSION } from '@harbor/wire';
import type { FastifyReply, FastifyRequest, HookHandlerDoneFunction } from 'fastify';

export { isEqual, requireAccount } from '@harbor/component';

/** Checks the header X-Broker-API-Version. Errors: HARBOR_BROKER_VERSION. */
export function requireBrokerVersion(
  request: FastifyRequest,
  _reply: FastifyReply,
  done: HookHandlerDoneFunction,
): void {
  const version = request.headers['x-broker-api-version'];
  if (typeof version === 'string' && BROKER_VERSION.test(version)) {
    done();
    return;
  }
  const found = version === undefined || version === '' ? 'is missing' : 'names a version that is not served';
  const message = `the header X-Broker-API-Version ${found}; every 2.x is served`;
  done(new HarborError('HARBOR_BROKER_VERSION', message));
}

/** Echoes the platform's name for the request, on errors too. */
export function echoRequestIdentity(
  request: FastifyRequest,
  reply: FastifyReply,
  done: HookHandlerDoneFunction,
): void {
  const identity = request.headers['x-broker-api-request-identity'];
  if (identity !== undefined) void reply.header('x-broker-api-request-identity', identity);
  done();
}
