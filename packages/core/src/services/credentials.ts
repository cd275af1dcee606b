import { portsOf, type PortBlock, type Service } from './service.js';

/** Where a node is reached, inside the cluster and, where configured, from outside. */
export interface NodeAddresses {
  readonly host: string;
  readonly hostname: string;
  readonly extHost?: string;
  readonly extHostname?: string;
}

/** The credentials of a service, exactly as contract §3 names them. */
export interface Credentials {
  readonly hostname: string;
  readonly host: string;
  readonly port: number;
  readonly name: string;
  readonly node_id: string;
  readonly int_port: number;
  readonly ext_hostname?: string;
  readonly ext_host?: string;
  /** Every port of a block, the first first; absent where no block was asked for. */
  readonly ports?: readonly string[];
}

/** Builds a service's credentials from the addresses of its node as they are now. */
export function credentialsOf(
  service: Pick<Service, 'id' | 'node' | 'port' | 'ports' | 'intPort'>,
  node: NodeAddresses,
): Credentials {
  return {
    hostname: node.hostname,
    host: node.host,
    port: service.port,
    name: service.id,
    node_id: service.node,
    int_port: service.intPort,
    ...addressFields(node),
    ...(service.ports === undefined ? {} : { ports: portsOf(service).map(String) }),
  };
}

/** The same credentials with the addresses its node has now. */
export function withAddresses(credentials: Credentials, node: NodeAddresses): Credentials {
  const { name, node_id, int_port } = credentials;
  return credentialsOf({ id: name, node: node_id, ...blockIn(credentials), intPort: int_port }, node);
}

/** Which ports the credentials name. */
export function blockIn({ port, ports }: Pick<Credentials, 'port' | 'ports'>): PortBlock {
  return { port, ...(ports === undefined ? {} : { ports: ports.length }) };
}

function addressFields(node: NodeAddresses): Pick<Credentials, 'ext_hostname' | 'ext_host'> {
  return {
    ...(node.extHostname === undefined ? {} : { ext_hostname: node.extHostname }),
    ...(node.extHost === undefined ? {} : { ext_host: node.extHost }),
  };
}
