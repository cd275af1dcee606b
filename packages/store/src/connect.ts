import { HarborError } from '@harbor/core';
import { Redis, type RedisOptions } from 'ioredis';

/** How long a command may take before Redis counts as away, ms. */
const COMMAND_TIMEOUT = 3_000;

/** The scheme of a list of sentinels: `redis+sentinel://[user:password@]host:port,host:port/NAME`. */
const SENTINEL = /^redis\+sentinel:\/\/(?:([^@]*)@)?([^/]+)\/([^/?]+)$/;

/**
 * Connects, and keeps connecting for ever. A command whose connection broke fails at once and is not sent
 * again, because nobody knows whether it was carried out: its caller decides. (`maxRetriesPerRequest` 0
 * is what makes ioredis fail the commands in flight; without it and without resending they would hang.)
 */
export function connectRedis(
  url: string,
  purpose: 'commands' | 'follow',
  onError: (error: Error) => void,
): Redis {
  const options: RedisOptions = {
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    connectTimeout: COMMAND_TIMEOUT,
    retryStrategy: (attempt) => Math.min(50 * attempt, 1_000),
    // A follower's reads block on purpose.
    ...(purpose === 'commands' ? { commandTimeout: COMMAND_TIMEOUT } : {}),
  };
  const redis = SENTINEL.test(url)
    ? new Redis({ ...options, ...sentinelOptions(url) })
    : new Redis(url, options);
  redis.on('error', onError);
  return redis;
}

function sentinelOptions(url: string): RedisOptions {
  const [, login = '', hosts = '', name = ''] = SENTINEL.exec(url) ?? [];
  const [username, password] = login.split(':').map(decodeURIComponent);
  return {
    name,
    sentinels: hosts.split(',').map((host) => {
      const at = host.lastIndexOf(':');
      return { host: host.slice(0, at), port: Number(host.slice(at + 1)) };
    }),
    ...(username ? { username } : {}),
    ...(password ? { password } : {}),
  };
}

/** What a failed command means: Redis is away, unless Redis itself answered. */
export function redisError(cause: unknown, doing: string, connection?: Error): HarborError {
  if (cause instanceof HarborError) return cause;
  const reason = cause instanceof Error ? cause.message : String(cause);
  const answered =
    cause instanceof Error &&
    cause.name === 'ReplyError' &&
    !/^(LOADING|READONLY|MASTERDOWN|NOAUTH|WRONGPASS|MISCONF|OOM)/.test(reason);
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
