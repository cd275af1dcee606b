import { connect, ErrorCode, type ConnectionOptions, type NatsConnection } from 'nats';
import { setTimeout } from 'node:timers/promises';
import { HarborClientError } from './errors.js';
import type { NatsWhere } from './options.js';

/** A connection, and whether it is ours to close. */
export interface Connected {
  readonly nats: NatsConnection;
  readonly own: boolean;
}

/** Between two attempts to connect, ms. */
const WAIT = 500;

/** How we like a connection of our own: it comes back by itself, however long that takes. */
const PERSISTENT: ConnectionOptions = {
  name: 'harbor client',
  maxReconnectAttempts: -1,
  reconnectTimeWait: WAIT,
  reconnectJitter: 250,
  pingInterval: 10_000,
  maxPingOut: 2,
  timeout: 5_000,
};

const REFUSALS: readonly string[] = [
  ErrorCode.AuthorizationViolation,
  ErrorCode.AuthenticationExpired,
  ErrorCode.PermissionsViolation,
  ErrorCode.BadAuthentication,
];

/**
 * Errors: HARBOR_CLIENT_OPTIONS, HARBOR_CLIENT_NATS_UNAVAILABLE, HARBOR_CLIENT_NATS_REFUSED, HARBOR_CLIENT_NATS_CLOSED.
 */
export async function openNats(where: NatsWhere, signal?: AbortSignal): Promise<Connected> {
  if (isConnection(where)) {
    if (where.isClosed()) throw closed();
    return { nats: where, own: false };
  }
  const options: ConnectionOptions = { ...PERSISTENT, ...optionsOf(where) };
  // The package's own wait for a first connection cannot be ended: a program would stay for it.
  const { waitOnFirstConnect = false, reconnectTimeWait, ...once } = options;
  for (;;) {
    try {
      return { nats: await connect({ ...once, reconnectTimeWait: reconnectTimeWait ?? WAIT }), own: true };
    } catch (cause) {
      const error = natsError(cause, String(options.servers ?? 'the default address'));
      if (!waitOnFirstConnect || error.code !== 'HARBOR_CLIENT_NATS_UNAVAILABLE') throw error;
      await setTimeout(reconnectTimeWait, undefined, signal === undefined ? {} : { signal });
    }
  }
}

/** What the `nats` package wants to know. It does not read logins in URLs, so they are taken out. */
export function optionsOf(where: Exclude<NatsWhere, NatsConnection>): ConnectionOptions {
  if (typeof where !== 'string' && !isList(where)) return where;
  const texts = (typeof where === 'string' ? where.split(',') : where).map((text) => text.trim());
  const urls = texts.map((text) => (text.includes('://') ? text : `nats://${text}`)).map(parseUrl);
  if (urls.length === 0)
    throw new HarborClientError('HARBOR_CLIENT_OPTIONS', 'nats must name at least one server');
  const login = urls.find(({ username }) => username !== '');
  return {
    servers: urls.map(({ hostname, port }) => `${hostname}:${port === '' ? '4222' : port}`),
    ...(login === undefined ? {} : loginOf(login)),
    ...(urls.some(({ protocol }) => protocol === 'tls:') ? { tls: {} } : {}),
  };
}

/** `user:pass@` is a login, `token@` a token, as in every client of NATS. */
function loginOf({ username, password }: URL): ConnectionOptions {
  const [user, pass] = [decodeURIComponent(username), decodeURIComponent(password)];
  return password === '' ? { token: user } : { user, pass };
}

/** What went wrong in our words. */
export function natsError(cause: unknown, where: string): HarborClientError {
  const { code, message } = cause as { readonly code?: string; readonly message?: string };
  if (code !== undefined && REFUSALS.includes(code))
    return new HarborClientError(
      'HARBOR_CLIENT_NATS_REFUSED',
      `NATS at ${where} refuses: ${message ?? code}`,
      {
        cause,
      },
    );
  const reason = message ?? String(cause);
  return new HarborClientError(
    'HARBOR_CLIENT_NATS_UNAVAILABLE',
    `NATS at ${where} does not answer: ${reason}`,
    { cause },
  );
}

/** The connection that was given has ended. */
export function closed(): HarborClientError {
  return new HarborClientError('HARBOR_CLIENT_NATS_CLOSED', 'the connection to NATS has been closed');
}

function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !['nats:', 'tls:'].includes(url.protocol) || url.hostname === '') {
    const shown = text.replace(/\/\/[^@/]*@/, '//');
    throw new HarborClientError('HARBOR_CLIENT_OPTIONS', `${shown} is no address of NATS: nats://HOST:PORT`);
  }
  return url;
}

function isConnection(where: NatsWhere): where is NatsConnection {
  return typeof where === 'object' && 'publish' in where;
}

function isList(where: unknown): where is readonly string[] {
  return Array.isArray(where);
}
