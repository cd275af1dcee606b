import { backendId } from '../backends/backend.js';
import { freePorts, nextIntPort } from '../ports/allocate.js';
import type { Cooling } from '../ports/cooling.js';
import type { PortRange } from '../ports/range.js';
import { rangeContains } from '../ports/range.js';
import { givenTo, ownedBy, ownerOf, type Owned } from '../services/owner.js';
import { intPortsOf, portsOf, type Service } from '../services/service.js';
import { claimId, type Instance, type Kind, type Records } from '../state/records.js';
import type { Random } from '../time/clock.js';
import type { Write } from '../state/commit.js';

/** The records a data file brings, by kind and id. */
export type AdoptedRecords = {
  readonly [K in 'service' | 'backend' | 'instance' | 'binding' | 'name' | 'cooling' | 'config']: Readonly<
    Record<string, Records[K]>
  >;
};

export interface AdoptOptions {
  /** The node that takes the services over; undefined leaves them to theirs. */
  readonly node: string | undefined;
  /** The group of that node. */
  readonly group?: string | undefined;
  readonly range: PortRange;
  readonly random: Random;
}

/** A service whose numbers could not all stay as they were. */
export interface MovedService {
  readonly service: Service;
  readonly from: Pick<Service, 'port' | 'intPort'>;
}

/** What is to stand in the state, and what is worth telling. */
export interface Adoption {
  readonly writes: readonly Write[];
  readonly services: readonly Service[];
  /** They clashed with another service of the file on the node that takes both over. */
  readonly moved: readonly MovedService[];
  /** They keep ports that lie outside the range of the node. */
  readonly outside: readonly Service[];
}

/** What is wrong with records that are well-formed each by itself; empty where nothing is. */
export function contradictions(records: AdoptedRecords): string[] {
  const wrong: string[] = [];
  const owners = new Map<string, string>();
  for (const [id, service] of Object.entries(records.service)) {
    if (service.id !== id) wrong.push(`service ${id}: its id is ${service.id}`);
    const numbers = [
      ...portsOf(service).map((port) => ['port', port] as const),
      ...intPortsOf(service).map((port) => ['int_port', port] as const),
    ];
    for (const [what, port] of numbers) {
      const key = `${what} ${claimId(ownerOf(service), port)}`;
      const other = owners.get(key);
      if (port < 1 || port > 65535) wrong.push(`service ${id}: ${what} ${port} is no port number`);
      if (other !== undefined) wrong.push(`services ${other} and ${id} both have ${key}`);
      owners.set(key, id);
    }
  }
  const missing = (kind: Kind, id: string, of: 'service' | 'instance', wanted: string): void => {
    if (!Object.hasOwn(records[of], wanted)) wrong.push(`${kind} ${id}: there is no ${of} ${wanted}`);
  };
  for (const [id, backend] of Object.entries(records.backend)) {
    if (backendId(backend) !== id) wrong.push(`backend ${id}: it is ${backendId(backend)}`);
    missing('backend', id, 'service', backend.service);
  }
  for (const [id, binding] of Object.entries(records.binding))
    missing('binding', id, 'instance', binding.instance);
  for (const [id, name] of Object.entries(records.name)) missing('name', id, 'instance', name.instance);
  for (const [id, instance] of Object.entries(records.instance))
    if (instance.id !== id) wrong.push(`instance ${id}: its id is ${instance.id}`);
  return wrong;
}

/**
 * What the records become on a node. A port keeps its number wherever one service can have it, inside the
 * range or not: clients know it. Only where two services come from two nodes with one number, the one made
 * later gets other numbers. Undefined where the range has no place left for it.
 */
export function adopt(records: AdoptedRecords, options: AdoptOptions): Adoption | undefined {
  const { node, range, random } = options;
  const numbers = new Numbers();
  const inOrder = Object.values(records.service)
    .map((one) => takenOver(one, options))
    .sort((a, b) => a.createdAt - b.createdAt);
  // Whoever can keep his numbers has them before anybody is given others.
  const kept = inOrder.map((one) => ({
    one,
    port: numbers.keep('port', one),
    int: numbers.keep('int_port', one),
  }));
  const services: Service[] = [];
  const moved: MovedService[] = [];
  for (const { one, port: keepsPort, int: keepsInt } of kept) {
    const size = one.ports ?? 1;
    const free = (kind: Numbered) => numbers.taken(kind, one);
    const port = keepsPort ? one.port : freePorts(range, free('port'), random, size).next().value;
    const intPort = keepsInt ? one.intPort : nextIntPort(free('int_port'), size);
    if (port === undefined || intPort === undefined) return undefined;
    const service = { ...one, port, intPort };
    numbers.take(service);
    services.push(service);
    if (!keepsPort || !keepsInt) moved.push({ service, from: one });
  }
  const outside = services.filter((each) => portsOf(each).some((port) => !rangeContains(range, port)));
  const byId = new Map(services.map((service) => [service.id, service]));
  const cooling = Object.values(records.cooling)
    .map((each) => takenOver(each, options))
    .filter((each) => !numbers.taken('port', each).has(each.port));
  return { writes: writesOf(records, services, byId, cooling, node), services, moved, outside };
}

/** The same as the node's that takes it over, or as it was. */
function takenOver<T extends Owned>(one: T, { node, group }: AdoptOptions): T {
  if (node === undefined) return one;
  return givenTo(one, group === undefined ? { node } : { node, group });
}

type Numbered = 'port' | 'int_port';

/** Which numbers are somebody's, by their node. */
class Numbers {
  readonly #taken = new Set<string>();

  taken(kind: Numbered, whose: Owned): { has(port: number): boolean } {
    return { has: (port) => this.#taken.has(`${kind} ${claimId(ownerOf(whose), port)}`) };
  }

  /** Takes the service's own numbers of a kind, all or none; false where one is somebody else's. */
  keep(kind: Numbered, service: Service): boolean {
    const wanted = kind === 'port' ? portsOf(service) : intPortsOf(service);
    const taken = this.taken(kind, service);
    if (wanted.some((port) => taken.has(port))) return false;
    this.#add(kind, service, wanted);
    return true;
  }

  /** Takes all numbers of a service. */
  take(service: Service): void {
    this.#add('port', service, portsOf(service));
    this.#add('int_port', service, intPortsOf(service));
  }

  #add(kind: Numbered, whose: Owned, ports: readonly number[]): void {
    for (const port of ports) this.#taken.add(`${kind} ${claimId(ownerOf(whose), port)}`);
  }
}

function writesOf(
  records: AdoptedRecords,
  services: readonly Service[],
  byId: ReadonlyMap<string, Service>,
  cooling: readonly Cooling[],
  node: string | undefined,
): Write[] {
  return [
    ...services.flatMap((service): Write[] => {
      const claim = { ...ownedBy(service), service: service.id };
      return [
        { kind: 'service', id: service.id, value: service },
        ...portsOf(service).map((port): Write => ({
          kind: 'port',
          id: claimId(ownerOf(service), port),
          value: { ...claim, port },
        })),
        ...intPortsOf(service).map((port): Write => ({
          kind: 'int_port',
          id: claimId(ownerOf(service), port),
          value: { ...claim, port },
        })),
      ];
    }),
    ...Object.entries(records.backend).map(([id, value]): Write => ({ kind: 'backend', id, value })),
    ...Object.entries(records.instance).map(([id, value]): Write => ({
      kind: 'instance',
      id,
      value: instanceOn(value, byId, node),
    })),
    ...Object.entries(records.binding).map(([id, value]): Write => ({ kind: 'binding', id, value })),
    ...Object.entries(records.name).map(([id, value]): Write => ({ kind: 'name', id, value })),
    ...cooling.map((value): Write => ({ kind: 'cooling', id: claimId(ownerOf(value), value.port), value })),
    ...Object.entries(records.config).map(([id, value]): Write => ({ kind: 'config', id, value })),
  ];
}

/** An instance with the node and the numbers its service has now. */
function instanceOn(
  instance: Instance,
  byId: ReadonlyMap<string, Service>,
  node: string | undefined,
): Instance {
  const { credentials } = instance;
  const on = node !== undefined && instance.node !== undefined ? { node } : {};
  const service = credentials && byId.get(credentials.name);
  if (!service) return { ...instance, ...on };
  const { port, intPort } = service;
  const ports = credentials.ports === undefined ? {} : { ports: portsOf(service).map(String) };
  return {
    ...instance,
    ...on,
    credentials: { ...credentials, node_id: service.node, port, int_port: intPort, ...ports },
  };
}
