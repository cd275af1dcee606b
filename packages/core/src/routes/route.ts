import { backendId, type Backend } from '../backends/backend.js';
import { byArrival } from '../backends/ring.js';
import { isHttpsName, transportsOf, type Transport } from '../services/protocol.js';
import type { Service, ServiceParameters } from '../services/service.js';

/** Names a listener of a node: `tcp/35001`. */
export type RouteKey = `${Transport}/${number}`;

/** What a data plane needs to know of one listener: where it listens, for whom, under which rules. */
export interface Route {
  readonly key: RouteKey;
  readonly port: number;
  readonly transport: Transport;
  readonly service: string;
  /** In order of arrival. */
  readonly backends: readonly Backend[];
  readonly policy: RoutePolicy;
}

/** The service's own rules; what is absent is the connector's default. Timeouts in seconds. */
export type RoutePolicy = Pick<
  ServiceParameters,
  | 'proxyProtocol'
  | 'allow'
  | 'deny'
  | 'maxConnections'
  | 'idleTimeout'
  | 'drainTimeout'
  | 'plane'
  | 'preserveClientIp'
>;

export function routeKey(transport: Transport, port: number): RouteKey {
  return `${transport}/${port}`;
}

/** The routes of one service: one for TCP, one for UDP, or both. */
export function routesOf(service: Service, backends: readonly Backend[]): Route[] {
  return transportsOf(service.protocol).map((transport) => ({
    key: routeKey(transport, service.port),
    port: service.port,
    transport,
    service: service.id,
    backends: backends.filter((backend) => backend.transport === transport).sort(byArrival),
    policy: policyOf(service),
  }));
}

function policyOf({ name, parameters }: Service): RoutePolicy {
  const { proxyProtocol, allow, deny, maxConnections, idleTimeout, drainTimeout } = parameters;
  const { preserveClientIp } = parameters;
  // The proxy in the container starts beside its app: while one does not listen yet, another is tried.
  const plane = parameters.plane ?? (isHttpsName(name) ? 'embedded' : undefined);
  return {
    ...(proxyProtocol === undefined ? {} : { proxyProtocol }),
    ...(allow === undefined ? {} : { allow }),
    ...(deny === undefined ? {} : { deny }),
    ...(maxConnections === undefined ? {} : { maxConnections }),
    ...(idleTimeout === undefined ? {} : { idleTimeout }),
    ...(drainTimeout === undefined ? {} : { drainTimeout }),
    ...(plane === undefined ? {} : { plane }),
    ...(preserveClientIp === undefined ? {} : { preserveClientIp }),
  };
}

/** What of a route's backends differs: the ids that came and that left. */
export function diffBackends(
  before: readonly Backend[],
  after: readonly Backend[],
): { readonly added: Backend[]; readonly removed: Backend[] } {
  const old = new Map(before.map((backend) => [backendId(backend), backend]));
  const now = new Map(after.map((backend) => [backendId(backend), backend]));
  return {
    added: after.filter((backend) => !old.has(backendId(backend))),
    removed: before.filter((backend) => !now.has(backendId(backend))),
  };
}
