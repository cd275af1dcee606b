import { NATS_USER, type Home, type Secrets, type Settings } from '@harbor/config';
import { join } from 'node:path';

/** Our Redis acknowledges only what is on disk, and drops nothing when memory is short. */
export function renderRedisConfig(home: Home, settings: Settings, secrets: Secrets): string {
  return lines([
    'bind 127.0.0.1 -::1',
    `port ${settings.harbor_redis.port}`,
    'protected-mode yes',
    `requirepass ${secrets.redis_password}`,
    'daemonize no',
    `dir ${quote(join(home.var, 'redis'))}`,
    `logfile ${quote(join(home.logs, 'harbor_redis.log'))}`,
    'appendonly yes',
    'appendfsync always',
    'aof-use-rdb-preamble yes',
    'save ""',
    'maxmemory-policy noeviction',
    'maxclients 10000',
    'tcp-keepalive 60',
  ]);
}

/** Our NATS: on loopback, for who knows the password. */
export function renderNatsConfig(home: Home, settings: Settings, secrets: Secrets): string {
  return lines([
    'host: 127.0.0.1',
    `port: ${settings.nats_server.port}`,
    `log_file: ${quote(join(home.logs, 'nats_server.log'))}`,
    `logfile_size_limit: ${settings.kato.log_size}MB`,
    'max_payload: 1MB',
    'ping_interval: "10s"',
    'authorization {',
    `  user: ${quote(NATS_USER)}`,
    `  password: ${quote(secrets.nats_password)}`,
    '}',
  ]);
}

function lines(all: readonly string[]): string {
  return `# Written by kato at every start.\n${all.join('\n')}\n`;
}

function quote(text: string): string {
  return JSON.stringify(text);
}
