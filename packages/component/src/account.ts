import { HarborError } from '@harbor/core';
import type { FastifyReply, FastifyRequest, HookHandlerDoneFunction } from 'fastify';
import { createHash, timingSafeEqual } from 'node:crypto';

/** Who may look (basic authentication). */
export interface Account {
  readonly username: string;
  readonly password: string;
}

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

/** Compares two secrets in constant time, by their hashes. */
export function isEqual(a: string, b: string): boolean {
  return timingSafeEqual(createHash('sha256').update(a).digest(), createHash('sha256').update(b).digest());
}

function givenAccount(header: string | undefined): Account | undefined {
  const encoded = BASIC.exec(header ?? '')?.[1];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, 'base64').toString();
  const colon = text.indexOf(':');
  return colon < 0 ? undefined : { username: text.slice(0, colon), password: text.slice(colon + 1) };
}
