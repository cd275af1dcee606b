import { HarborError } from '@harbor/core';
import { z } from '@harbor/wire';

/** Who is behind a request, as the platform says. */
export interface Originator {
  readonly platform: string;
  /** Its id or name, of what the platform tells of it; nothing else is kept. */
  readonly user?: string;
}

const HEADER = /^([^\s\p{Cc}]{1,64}) +([A-Za-z0-9+/_-]+={0,2}) *$/u;

const text = z.string().max(255).optional().catch(undefined);
/** Cloud Foundry says user_id, Kubernetes username and uid; both may say more. */
const said = z.object({ user_id: text, username: text, uid: text });

/**
 * Reads X-Broker-API-Originating-Identity: the platform's name and base64 of a JSON object; undefined where
 * there is none. Errors: HARBOR_REQUEST_INVALID.
 */
export function originatorOf(header: string | string[] | undefined): Originator | undefined {
  if (header === undefined) return undefined;
  const [, platform, encoded] = HEADER.exec(String(header)) ?? [];
  if (platform === undefined || encoded === undefined) throw malformed();
  const known = said.safeParse(decoded(encoded));
  if (!known.success) throw malformed();
  const user = known.data.user_id ?? known.data.username ?? known.data.uid;
  return { platform, ...(user === undefined ? {} : { user }) };
}

function decoded(base64: string): unknown {
  try {
    return JSON.parse(Buffer.from(base64, 'base64').toString());
  } catch (cause) {
    throw malformed(cause);
  }
}

function malformed(cause?: unknown): HarborError {
  const message =
    'the header X-Broker-API-Originating-Identity must be a platform and base64 of a JSON object';
  return new HarborError('HARBOR_REQUEST_INVALID', message, { cause });
}
