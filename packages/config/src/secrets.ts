import { HarborError } from '@harbor/core';
import { linkSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Home } from './home.js';

/** What is generated at the first start; `var/secrets.json`, mode 0600. */
export interface Secrets {
  readonly redis_password: string;
  readonly nats_password: string;
  readonly gateway_token: string;
  readonly gateway_username: string;
  readonly gateway_password: string;
}

const NAMES = [
  'redis_password',
  'nats_password',
  'gateway_token',
  'gateway_username',
  'gateway_password',
] as const;

/**
 * Reads the home's secrets, or makes them. Processes that start at once agree: the file appears whole,
 * and whoever comes second takes what is there. Errors: HARBOR_CONFIG_INVALID where the file is damaged.
 */
export function ensureSecrets(home: Home, randomBytes: (size: number) => Buffer): Secrets {
  const path = pathOf(home);
  const known = read(path);
  if (known) return known;
  const secrets = makeSecrets(randomBytes);
  const temporary = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`;
  writeFileSync(temporary, `${JSON.stringify(secrets, null, 2)}\n`, { mode: 0o600, flush: true });
  try {
    linkSync(temporary, path);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause;
  } finally {
    unlinkSync(temporary);
  }
  return read(path) ?? secrets;
}

/** The home's secrets; undefined before its first start. Errors: HARBOR_CONFIG_INVALID where the file is damaged. */
export function readSecrets(home: Home): Secrets | undefined {
  return read(pathOf(home));
}

/** Secrets that no home has yet. */
export function makeSecrets(randomBytes: (size: number) => Buffer): Secrets {
  const fresh = (): string => randomBytes(24).toString('base64url');
  return {
    redis_password: fresh(),
    nats_password: fresh(),
    gateway_token: fresh(),
    gateway_username: 'harbor',
    gateway_password: fresh(),
  };
}

function pathOf(home: Home): string {
  return join(home.var, 'secrets.json');
}

function read(path: string): Secrets | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw cause;
  }
  const damaged = (cause?: unknown) =>
    new HarborError(
      'HARBOR_CONFIG_INVALID',
      `${path} is damaged: restore it, or remove it to have new secrets made`,
      { cause },
    );
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw damaged(cause);
  }
  const secrets = value as Record<string, unknown> | null;
  if (!secrets || NAMES.some((name) => typeof secrets[name] !== 'string')) throw damaged();
  return value as Secrets;
}
