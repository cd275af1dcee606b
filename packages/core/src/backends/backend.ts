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
  /** How many contiguous ports it serves, from `port` up: those of its service's block. Absent: one. */
  readonly ports?: number;
  /** In the route of a block's port i: i, by which `port` lies above the one it registered. */
  readonly offset?: number;
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

/** Every address of a backend: of a block as many as it has ports. */
export function addressesOf({ host, port, ports = 1 }: Address & { readonly ports?: number }): Address[] {
  return Array.from({ length: ports }, (_, at) => ({ host, port: port + at }));
}

/** The backend as it registered, whichever port of its block a route leads to. */
export function asRegistered(backend: Address & { readonly offset?: number }): Address {
  return { host: backend.host, port: backend.port - (backend.offset ?? 0) };
}

/** A backend's identity: the same instance moved to another address is another backend. */
export function backendId(backend: Address & Pick<Backend, 'service' | 'transport'>): string {
  return `${backend.service}/${backend.transport}/${formatAddress(backend)}`;
}
