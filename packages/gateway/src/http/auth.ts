import { HarborError } from '@harbor/core';
import { BROKER_VERSION } from '@harbor/wire';
import type { FastifyReply, FastifyRequest, HookHandlerDoneFunction } from 'fastify';
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Account } from '../dependencies.js';

const BASIC = /^Basic +([A-Za-z0-9+/_-]+={0,2}) *$/i;

/**
 * Checks basic authentication against the account as it is now; user and password are both compared,
 * by their hashes, in constant time. Errors: HARBOR_UNAUTHORIZED.
 */
export function requireAccount(account: () => Account) {
  return (request: FastifyRequest, reply: FastifyReply, done: HookHandlerDoneFunction): void => {
    const { username, password } = account();
    const given = givenAccount(request.headers.authorization);
    const sameUser = isEqual(given?.username ?? '', username);
    const samePassword = isEqual(given?.password ?? '', password);
    if (given && sameUser && samePassword) {
      done();
      return;
    }
    void reply.header('www-authenticate', 'Basic realm="harbor", charset="UTF-8"');
    done(new HarborError('HARBOR_UNAUTHORIZED', 'missing or wrong credentials'));
  };
}

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

function givenAccount(header: string | undefined): Account | undefined {
  const encoded = BASIC.exec(header ?? '')?.[1];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, 'base64').toString();
  const colon = text.indexOf(':');
  return colon < 0 ? undefined : { username: text.slice(0, colon), password: text.slice(colon + 1) };
}

function isEqual(a: string, b: string): boolean {
  return timingSafeEqual(createHash('sha256').update(a).digest(), createHash('sha256').update(b).digest());
}
