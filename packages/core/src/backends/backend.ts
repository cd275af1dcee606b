import type { Transport } from '../services/protocol.js';
import type { Millis } from '../time/clock.js';

/** A socket address; `host` is an IP address in canonical text form. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** One instance of an application, reached at one address for one transport of one service. */
export interface Backend extends Address {
  readonly service: string;
  readonly transport: Transport;
  /** The DEA that announced it. */
  readonly dea: string;
  readonly app: string;
  readonly appName?: string;
  /** The instance's id, unique over all applications. */
  readonly instance: string;
  /** The instance's number within its application, from 0. */
  readonly index?: number;
  readonly tags?: Readonly<Record<string, string>>;
  /** When it came, as a counter of its node: the first-come queue sorts by it. */
  readonly order: number;
  /** When it was registered. */
  readonly since: Millis;
}

/** `127.0.0.1:4100`, `[::1]:4100`. */
export function formatAddress(address: Address): string {
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

/** A backend's identity: the same instance moved to another address is another backend. */
export function backendId(backend: Address & Pick<Backend, 'service' | 'transport'>): string {
  return `${backend.service}/${backend.transport}/${formatAddress(backend)}`;
}
