import { blockOf } from '../ports/allocate.js';
import type { Millis } from '../time/clock.js';
import type { Protocol } from './protocol.js';

/** What `-c JSON` may ask for (contract §3). Timeouts are in seconds; CIDRs are in canonical form. */
export interface ServiceParameters {
  readonly protocol?: Protocol;
  readonly port?: number;
  /** A block of as many contiguous ports instead of one. */
  readonly ports?: number;
  readonly proxyProtocol?: 'v1' | 'v2';
  readonly allow?: readonly string[];
  readonly deny?: readonly string[];
  readonly maxConnections?: number;
  readonly idleTimeout?: number;
  readonly drainTimeout?: number;
  /** `embedded`: every connection through the relay, which tries another backend where one refuses. */
  readonly plane?: 'auto' | 'embedded';
  /** The kernel leaves the client's address as it is; the backend's way back has to lead through this node. */
  readonly preserveClientIp?: boolean;
  readonly public?: boolean;
}

/** A provisioned service: a port number of one node, or a block of them, held until it is deleted. */
export interface Service {
  /** The service instance id; `name` in the credentials and `service` in `harbor.register`. */
  readonly id: string;
  /** What the developer called it. */
  readonly name: string;
  /** The node that made it; of a group any member serves it. */
  readonly node: string;
  /** The nodes that serve it together; absent where its node stands alone. */
  readonly group?: string;
  /** Of a block the first. */
  readonly port: number;
  /** How many contiguous ports it has, from `port` up; absent where it is one and no block. */
  readonly ports?: number;
  /** The port inside the application's container; of a block the first of as many. */
  readonly intPort: number;
  readonly protocol: Protocol;
  readonly plan: string;
  readonly parameters: ServiceParameters;
  /** Organization, space and name as one word: who gets the port back while it cools down. */
  readonly owner?: string;
  readonly createdAt: Millis;
  /** Serves nobody: it is on its way to another node. */
  readonly disabled?: true;
}

/** The most ports of a block. */
export const LARGEST_BLOCK = 100;

/** What of a service says which numbers it has. */
export type PortBlock = Pick<Service, 'port' | 'ports'>;

/** Every port number of a service, the first first. */
export function portsOf({ port, ports = 1 }: PortBlock): number[] {
  return blockOf(port, ports);
}

/** Every int_port of a service: port i of its block leads to the i-th of them. */
export function intPortsOf({ intPort, ports = 1 }: Pick<Service, 'intPort' | 'ports'>): number[] {
  return blockOf(intPort, ports);
}

/** True where the port is one of the service's. */
export function hasPort({ port, ports = 1 }: PortBlock, wanted: number): boolean {
  return wanted >= port && wanted < port + ports;
}
