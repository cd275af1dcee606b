import type { Settings } from './schema.js';
import type { Secrets } from './secrets.js';

/** The user Harbor's own NATS knows. */
export const NATS_USER = 'harbor';

/** Where Redis is, with its password where it is Harbor's own. */
export function redisUrl(settings: Settings, secrets: Secrets): string {
  const { url, port } = settings.harbor_redis;
  return url ?? `redis://:${encodeURIComponent(secrets.redis_password)}@127.0.0.1:${port}`;
}

/** Where NATS is: servers without their login, and the login. */
export interface NatsAccess {
  readonly servers: readonly string[];
  readonly user?: string;
  readonly pass?: string;
  /** Only encrypted connections will do: one of the servers is a tls:// one. */
  readonly encrypted: boolean;
}

export function natsAccess(settings: Settings, secrets: Secrets): NatsAccess {
  const { url, port } = settings.nats_server;
  if (url === null)
    return {
      servers: [`nats://127.0.0.1:${port}`],
      user: NATS_USER,
      pass: secrets.nats_password,
      encrypted: false,
    };
  const parsed = url.split(',').map((each) => new URL(each.trim()));
  const login = parsed.find(({ username }) => username !== '');
  return {
    servers: parsed.map(({ protocol, host }) => `${protocol}//${host}`),
    encrypted: parsed.some(({ protocol }) => protocol === 'tls:'),
    ...(login ? { user: decodeURIComponent(login.username), pass: decodeURIComponent(login.password) } : {}),
  };
}

/** The NATS URLs as one text, with the login in each where `login` is true. */
export function natsUrl(settings: Settings, secrets: Secrets, login: boolean): string {
  const { servers, user, pass } = natsAccess(settings, secrets);
  const credentials =
    login && user !== undefined ? `${encodeURIComponent(user)}:${encodeURIComponent(pass ?? '')}@` : '';
  return servers.map((server) => server.replace('//', `//${credentials}`)).join(',');
}

/** A URL without its login. */
export function withoutLogin(url: string): string {
  return url.replace(/\/\/[^@/]*@/, '//');
}

/** Where clients on this machine reach the gateway. */
export function gatewayUrl(settings: Settings): string {
  const { host, port } = settings.harbor_gateway;
  const reached = { '0.0.0.0': '127.0.0.1', '::': '::1' }[host] ?? host;
  return `http://${reached.includes(':') ? `[${reached}]` : reached}:${port}`;
}
