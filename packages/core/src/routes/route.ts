import { backendId, type Backend } from '../backends/backend.js';
import { byArrival } from '../backends/ring.js';
import { isHttpsName, transportsOf, type Transport } from '../services/protocol.js';
import { isPort } from '../ports/range.js';
import { portsOf, type Service, type ServiceParameters } from '../services/service.js';

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

/** The routes of one service: for each of its ports one for TCP, one for UDP, or both. */
export function routesOf(service: Service, backends: readonly Backend[]): Route[] {
  return transportsOf(service.protocol).flatMap((transport) =>
    portsOf(service).map((port) => routeOf(service, transport, port, backends)),
  );
}

/**
 * The route of one port of a service. Port i of a block leads to the port i above the one that an instance
 * registered; a data plane sees no block, only routes whose backends have these ports.
 */
export function routeOf(
  service: Service,
  transport: Transport,
  port: number,
  backends: readonly Backend[],
): Route {
  const offset = port - service.port;
  return {
    key: routeKey(transport, port),
    port,
    transport,
    service: service.id,
    backends: backends
      .filter((backend) => backend.transport === transport && isPort(backend.port + offset))
      .sort(byArrival)
      .map((backend) => (offset === 0 ? backend : { ...backend, port: backend.port + offset, offset })),
    policy: policyOf(service),
  };
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
