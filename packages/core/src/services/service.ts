import type { Millis } from '../time/clock.js';
import type { Protocol } from './protocol.js';

/** What `-c JSON` may ask for (contract §3). Timeouts are in seconds; CIDRs are in canonical form. */
export interface ServiceParameters {
  readonly protocol?: Protocol;
  readonly port?: number;
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

/** A provisioned service: one port number of one node, held until it is deleted. */
export interface Service {
  /** The service instance id; `name` in the credentials and `service` in `harbor.register`. */
  readonly id: string;
  /** What the developer called it. */
  readonly name: string;
  readonly node: string;
  readonly port: number;
  /** The port inside the application's container. */
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
