import { HarborError } from '@harbor/core';
import { Redis, type RedisOptions } from 'ioredis';

/** Where Redis is. */
export interface RedisAccess {
  /** `redis://…`, `rediss://…`, `redis+sentinel://…` or `rediss+sentinel://…`. */
  readonly url: string;
  /** The certificates (PEM) its servers have to be signed by; those Node.js knows where it is left out. */
  readonly ca?: string;
}

/** How long a command may take before Redis counts as away, ms. */
const COMMAND_TIMEOUT = 3_000;
/** A connection that owes an answer for longer is given up and made anew: its machine may be gone, ms. */
const SILENCE = 5_000;

/** The scheme of a list of sentinels: `redis+sentinel://[user:password@]host:port,host:port/NAME`. */
const SENTINEL = /^redis(s?)\+sentinel:\/\/(?:([^@]*)@)?([^/]+)\/([^/?]+)$/;

/** True where the primary may be another one tomorrow, so that only what a replica has is sure to stay. */
export function failsOver(url: string): boolean {
  return SENTINEL.test(url);
}

/**
 * Connects, and keeps connecting for ever. A command whose connection broke fails at once and is not sent
 * again, because nobody knows whether it was carried out: its caller decides. (`maxRetriesPerRequest` 0
 * is what makes ioredis fail the commands in flight; without it and without resending they would hang.)
 */
export function connectRedis(
  { url, ca }: RedisAccess,
  purpose: 'commands' | 'follow',
  onError: (error: Error) => void,
): Redis {
  const options: RedisOptions = {
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    connectTimeout: COMMAND_TIMEOUT,
    socketTimeout: SILENCE,
    retryStrategy: (attempt) => Math.min(50 * attempt, 1_000),
    // A follower's reads block on purpose, for less than this.
    commandTimeout: purpose === 'commands' ? COMMAND_TIMEOUT : SILENCE + COMMAND_TIMEOUT,
    // A primary that has become a replica: the sentinels know the new one.
    reconnectOnError: (error) => isReplica(error),
  };
  const trust = ca === undefined ? {} : { ca };
  const redis = failsOver(url)
    ? new Redis({ ...options, ...sentinelOptions(url, trust) })
    : new Redis(url, { ...options, ...(url.startsWith('rediss:') ? { tls: trust } : {}) });
  redis.on('error', onError);
  return redis;
}

function sentinelOptions(url: string, trust: { readonly ca?: string }): RedisOptions {
  const [, encrypted = '', login = '', hosts = '', name = ''] = SENTINEL.exec(url) ?? [];
  const [username, password] = login.split(':').map(decodeURIComponent);
  return {
    name,
    sentinels: hosts.split(',').map((host) => {
      const at = host.lastIndexOf(':');
      return { host: host.slice(0, at).replace(/^\[(.*)\]$/, '$1'), port: Number(host.slice(at + 1)) };
    }),
    sentinelCommandTimeout: COMMAND_TIMEOUT,
    ...(encrypted ? { enableTLSForSentinelMode: true, tls: trust, sentinelTLS: trust } : {}),
    ...(username ? { username } : {}),
    ...(password ? { password } : {}),
  };
}

/** What Redis answers when it cannot do for now what it was asked; Redis 6 wraps it where a script ran. */
const FOR_NOW = /(^|-)(LOADING|READONLY|MASTERDOWN|NOREPLICAS|UNBLOCKED|NOAUTH|WRONGPASS|MISCONF|OOM)\b/;

function isReplica(error: Error): boolean {
  return /(^|-)READONLY\b/.test(error.message);
}

/** What a failed command means: Redis is away, unless Redis itself answered. */
export function redisError(cause: unknown, doing: string, connection?: Error): HarborError {
  if (cause instanceof HarborError) return cause;
  const reason = cause instanceof Error ? cause.message : String(cause);
  const answered = cause instanceof Error && cause.name === 'ReplyError' && !FOR_NOW.test(reason);
  if (answered) return new HarborError('HARBOR_INTERNAL', `Redis refused ${doing}: ${reason}`, { cause });
  // ioredis says only that it gave up; why, the connection's own error says.
  const why =
    cause instanceof Error && cause.name === 'MaxRetriesPerRequestError' ? connection?.message : undefined;
  const foreign = /WRONGPASS|NOAUTH/.test(why ?? reason);
  const hint = foreign
    ? ': it is not the Redis of this home, or its password has changed; see HARBOR_REDIS_PORT'
    : '';
  const message = `Redis does not answer (${doing}): ${why ?? reason}${hint}`;
  return new HarborError('HARBOR_REDIS_UNAVAILABLE', message, { cause });
}
