import { HarborError } from '@harbor/core';
import { createHash, randomBytes, X509Certificate } from 'node:crypto';

/** How long a token is good, ms. */
export const TOKEN_GOOD_FOR = 3_600_000;

/** What `kato node list --join` prints: a secret of 256 bits, and whom to tell it. */
export interface Token {
  readonly secret: string;
  /** The core's, see `fingerprintOf`. */
  readonly fingerprint: string;
}

export function newToken(fingerprint: string): Token {
  return { secret: randomBytes(32).toString('base64url'), fingerprint };
}

export function formatToken({ secret, fingerprint }: Token): string {
  return `${secret}.${fingerprint}`;
}

/** Errors: HARBOR_USAGE where it is not of a token's form. */
export function parseToken(text: string): Token {
  const [, secret, fingerprint] = /^([\w-]{43})\.([\w-]{43})$/.exec(text.trim()) ?? [];
  if (secret !== undefined && fingerprint !== undefined) return { secret, fingerprint };
  throw new HarborError('HARBOR_USAGE', 'this is no token; copy all of what kato node list --join printed');
}

/** What tells a core's authority from every other: SHA-256 of its certificate, base64url. */
export function fingerprintOf(ca: string | Buffer): string {
  return createHash('sha256').update(new X509Certificate(ca).raw).digest('base64url');
}

/** The id under which a token is stored: who reads it there cannot use it. */
export function tokenId(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}
