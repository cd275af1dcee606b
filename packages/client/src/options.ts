import type { ConnectionOptions, NatsConnection } from 'nats';
import { BlockList, isIP } from 'node:net';
import { HarborClientError } from './errors.js';
import type { Protocol, RegisterMessage, StartMessage } from './messages.js';

/**
 * Where NATS is: one URL or several (an array, or with commas between), with a login in them
 * (`nats://user:pass@host:4222`) or not, `tls://` for TLS; or the options of the `nats` package; or a connection,
 * which stays open when the registration is closed.
 */
export type NatsWhere = string | readonly string[] | ConnectionOptions | NatsConnection;

/** What happens to a registration, for who wants to log it. */
export type BackendEvent =
  /** Said to Harbor, the first time or anew. */
  | { readonly type: 'registered'; readonly because: 'start' | 'interval' | 'greeting' | 'reconnect' }
  /** A node has said how often it wants to hear of us. */
  | { readonly type: 'greeted'; readonly node: StartMessage }
  /** NATS is away. Harbor goes on with what it knows; it is told again at the return. */
  | { readonly type: 'disconnected' }
  /** Something went wrong that the caller may want to know; the registration goes on if it can. */
  | { readonly type: 'error'; readonly error: HarborClientError }
  | { readonly type: 'closed' };

export interface BackendOptions {
  readonly nats: NatsWhere;
  /** The `name` of the service's credentials: its id, not the name people gave it. */
  readonly service: string;
  /** The IP address where Harbor reaches this program. */
  readonly host: string;
  readonly port: number;
  /** What is served there; all that the service has unless said otherwise. */
  readonly protocol?: Protocol;
  /** The application's id; the service's unless said otherwise. */
  readonly app?: string;
  /** The application's name, for people. */
  readonly appName?: string;
  /** The id of this instance: a new one for every start. A random one unless said otherwise. */
  readonly instance?: string;
  /** Its number; instances take turns in this order. */
  readonly index?: number;
  /** Who speaks; a random id unless said otherwise. An id must not be shared with a DEA that sends heartbeats. */
  readonly dea?: string;
  /** Anything for people to see: at most 32 texts. */
  readonly tags?: Readonly<Record<string, string>>;
  /** How often to register until a node has said it, s. */
  readonly interval?: number;
  /** Closes the registration when it is aborted. */
  readonly signal?: AbortSignal;
  /**
   * Signals at which the registration is closed before the process ends: `['SIGTERM', 'SIGINT']`. Where the
   * program listens to the signal, too, ending stays its business.
   */
  readonly closeOn?: readonly NodeJS.Signals[];
  readonly onEvent?: (event: BackendEvent) => void;
}

/** Addresses that reach everybody or nobody. */
const unreachable = new BlockList();
unreachable.addSubnet('0.0.0.0', 8);
unreachable.addSubnet('224.0.0.0', 4);
unreachable.addAddress('255.255.255.255');
unreachable.addAddress('::', 'ipv6');
unreachable.addSubnet('ff00::', 8, 'ipv6');

/**
 * The message for these options; `random` gives the ids that are not given.
 * Errors: HARBOR_CLIENT_OPTIONS, with every problem in `details.problems`.
 */
export function messageOf(options: BackendOptions, random: () => string): RegisterMessage {
  const { service, host, port, protocol, appName, index, tags } = options;
  const { app = service, instance = random(), dea = random() } = options;
  const message: RegisterMessage = {
    dea,
    app,
    ...(appName === undefined ? {} : { app_name: appName }),
    instance,
    ...(index === undefined ? {} : { index }),
    service,
    host,
    port,
    ...(protocol === undefined ? {} : { protocol }),
    ...(tags === undefined ? {} : { tags: { ...tags } }),
  };
  const problems = [...problemsOf(message), ...intervalProblems(options.interval)];
  if (problems.length > 0)
    throw new HarborClientError('HARBOR_CLIENT_OPTIONS', problems.join('; '), { details: { problems } });
  return message;
}

/** A sentence for everything that Harbor would not take. */
export function problemsOf(message: RegisterMessage): string[] {
  const { dea, app, instance, service, app_name, index, host, port, protocol, tags } = message;
  const problems: string[] = [];
  const check = (right: boolean, problem: string): void => {
    if (!right) problems.push(problem);
  };
  // Without a name of its own the application is called as its service: that is said once.
  const ids = { dea, instance, service, ...(app === service ? {} : { app }) };
  for (const [key, value] of Object.entries(ids))
    check(isText(value, 1, 255), `${key} must be a text of 1 to 255 characters`);
  check(app_name === undefined || isText(app_name, 0, 255), 'appName must be at most 255 characters');
  check(index === undefined || isWhole(index, 0, 1_000_000), 'index must be a whole number from 0 on');
  check(
    isReachable(host),
    'host must be an IPv4 or IPv6 address that can be connected to, not a name or 0.0.0.0',
  );
  check(isWhole(port, 1, 65_535), 'port must be a number from 1 to 65535');
  check(
    protocol === undefined || ['tcp', 'udp', 'both'].includes(protocol),
    'protocol must be tcp, udp or both',
  );
  check(tags === undefined || areTags(tags), 'tags must be at most 32 texts of 256 characters');
  return problems;
}

function intervalProblems(interval: number | undefined): string[] {
  const right = interval === undefined || (Number.isFinite(interval) && interval >= 1 && interval <= 3_600);
  return right ? [] : ['interval must be 1 to 3600 seconds'];
}

function isReachable(host: unknown): boolean {
  if (typeof host !== 'string' || host.length > 64 || host.includes('%')) return false;
  const family = isIP(host);
  // An old way to write an IPv4 address, ::10.0.0.7, which Harbor reads as one.
  const old = /^::([\d.]+)$/.exec(host)?.[1];
  if (family === 6 && old?.includes('.')) return isReachable(old);
  return family !== 0 && !unreachable.check(host, family === 4 ? 'ipv4' : 'ipv6');
}

function isText(value: unknown, least: number, most: number): value is string {
  return typeof value === 'string' && value.length >= least && value.length <= most;
}

function isWhole(value: unknown, low: number, high: number): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= low && value <= high;
}

function areTags(tags: Readonly<Record<string, unknown>>): boolean {
  const all = Object.entries(tags);
  return all.length <= 32 && all.every(([key, value]) => isText(key, 0, 64) && isText(value, 0, 256));
}
