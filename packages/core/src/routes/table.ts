import { backendId, type Backend } from '../backends/backend.js';
import { Membership } from '../services/owner.js';
import { transportsOf } from '../services/protocol.js';
import { hasPort, portsOf, type Service } from '../services/service.js';
import { routeKey, routeOf, type Route, type RouteKey } from './route.js';

/**
 * The wanted listeners of one node, those of its group among them, kept up to date record by record. Every mutator returns the keys it
 * touched, so that a data plane is told only of these, whatever the number of ports.
 */
export class RouteTable {
  readonly #services = new Map<string, Service>();
  readonly #backends = new Map<string, Map<string, Backend>>();
  /** Where a backend stands, so that its deletion needs only its id. */
  readonly #serviceOf = new Map<string, string>();
  readonly #owners = new Map<RouteKey, string>();

  readonly #membership: Membership;

  constructor(node: string, group?: string) {
    this.#membership = new Membership(node, group);
  }

  keys(): RouteKey[] {
    return [...this.#owners.keys()].sort();
  }

  /** The route wanted at a key; undefined when none is. */
  get(key: RouteKey): Route | undefined {
    const owner = this.#owners.get(key);
    const service = owner === undefined ? undefined : this.#services.get(owner);
    if (!service) return undefined;
    const [transport, number] = key.split('/') as [Backend['transport'], string];
    const port = Number(number);
    if (!hasPort(service, port)) return undefined;
    return routeOf(service, transport, port, [...(this.#backends.get(service.id)?.values() ?? [])]);
  }

  service(id: string): Service | undefined {
    return this.#services.get(id);
  }

  putService(service: Service): RouteKey[] {
    const touched = this.removeService(service.id);
    if (!this.#membership.owns(service)) return touched;
    this.#services.set(service.id, service);
    const keys = keysOf(service);
    for (const key of keys) this.#owners.set(key, service.id);
    return [...new Set([...touched, ...keys])];
  }

  /** Its backends are kept: their own records say when they go. */
  removeService(id: string): RouteKey[] {
    const service = this.#services.get(id);
    if (!service) return [];
    this.#services.delete(id);
    const keys = keysOf(service).filter((key) => this.#owners.get(key) === id);
    for (const key of keys) this.#owners.delete(key);
    return keys;
  }

  putBackend(backend: Backend): RouteKey[] {
    const id = backendId(backend);
    const ofService = this.#backends.get(backend.service) ?? new Map<string, Backend>();
    this.#backends.set(backend.service, ofService.set(id, backend));
    this.#serviceOf.set(id, backend.service);
    return this.#keysOfService(backend.service, backend.transport);
  }

  removeBackend(id: string): RouteKey[] {
    const service = this.#serviceOf.get(id);
    if (service === undefined) return [];
    const ofService = this.#backends.get(service);
    const transport = ofService?.get(id)?.transport;
    ofService?.delete(id);
    if (ofService?.size === 0) this.#backends.delete(service);
    this.#serviceOf.delete(id);
    return transport === undefined ? [] : this.#keysOfService(service, transport);
  }

  clear(): RouteKey[] {
    const keys = this.keys();
    this.#services.clear();
    this.#backends.clear();
    this.#serviceOf.clear();
    this.#owners.clear();
    return keys;
  }

  #keysOfService(id: string, transport: Backend['transport']): RouteKey[] {
    const service = this.#services.get(id);
    if (!service || !transportsOf(service.protocol).includes(transport)) return [];
    return portsOf(service).map((port) => routeKey(transport, port));
  }
}

function keysOf(service: Service): RouteKey[] {
  return transportsOf(service.protocol).flatMap((transport) =>
    portsOf(service).map((port) => routeKey(transport, port)),
  );
}
