import type { Backend } from '../backends/backend.js';
import type { Cooling } from '../ports/cooling.js';
import type { Credentials, NodeAddresses } from '../services/credentials.js';
import type { Service } from '../services/service.js';
import type { Millis } from '../time/clock.js';

/** Who has a port number of a node, or of a group of nodes; its existence is what keeps two services off one number. */
export interface PortClaim {
  readonly node: string;
  readonly group?: string;
  readonly port: number;
  readonly service: string;
}

/** A service instance as the platform asked for it. */
export interface Instance {
  readonly id: string;
  readonly name: string;
  /** `creating` and `deleting` are intents: whoever finds one after a crash finishes or undoes it. */
  readonly state: 'creating' | 'ready' | 'deleting';
  readonly serviceId: string;
  readonly planId: string;
  readonly organization: string;
  readonly space: string;
  /** The parameters as they were sent, in the wire's own form, for comparing a repeated request. */
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly platform?: string;
  readonly node?: string;
  readonly credentials?: Credentials;
  readonly createdAt: Millis;
}

/** A service instance bound to an application. */
export interface Binding {
  readonly id: string;
  readonly instance: string;
  readonly app?: string;
  readonly serviceId: string;
  readonly planId: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly createdAt: Millis;
}

/** Who has an instance name in a space, where the platform is Harbor's own CLI. */
export interface NameClaim {
  readonly instance: string;
}

/** Moves on with every creation in an organization that has a quota: whoever counted before counts again. */
export interface QuotaMark {
  readonly organization: string;
}

/** A value of `kato config set`. */
export interface ConfigEntry {
  readonly value: unknown;
}

/** A harbor_node of the cluster, up or not. */
export interface KnownNode {
  readonly id: string;
  /** Its address in credentials. */
  readonly host: string;
  /** What only the home that attached it can name; absent where nobody attached it: the core's own. */
  readonly identity?: string;
  /** The nodes it serves its ports with; absent where it stands alone. */
  readonly group?: string;
  /** Since when nobody has heard of it; absent while it is up. */
  readonly unreachableSince?: Millis;
}

/**
 * A live member of a group: it renews its record as long as it lives, and the others remove the record of one
 * that does not.
 */
export interface Member {
  readonly node: string;
  readonly group: string;
  /** Its own port range; the group has what its members have in common. */
  readonly range: string;
  readonly addresses: NodeAddresses;
  /** Counts its renewals: it is the change that tells others that it lives, not the time of any clock. */
  readonly beat: number;
}

/** The right to attach one node, once; its id is the hash of the token. */
export interface JoinToken {
  readonly expiresAt: Millis;
}

/** Every kind of record in the shared state. */
export interface Records {
  readonly service: Service;
  /** id: claimId(), of its node or its group */
  readonly port: PortClaim;
  /** id: the same of an int_port */
  readonly int_port: PortClaim;
  /** id: claimId(); a port that was given back and cools down. */
  readonly cooling: Cooling;
  /** id: backendId() */
  readonly backend: Backend;
  readonly instance: Instance;
  readonly binding: Binding;
  /** id: `<organization>/<space>/<name>`, each part percent-encoded */
  readonly name: NameClaim;
  /** id: the organization's */
  readonly quota: QuotaMark;
  /** id: `<component>.<key>` */
  readonly config: ConfigEntry;
  /** id: the node's */
  readonly node: KnownNode;
  /** id: the node's */
  readonly member: Member;
  /** id: SHA-256 of the token, hexadecimal */
  readonly join: JoinToken;
}

export type Kind = keyof Records;

/** The id of a port or int_port claim; the owner by `ownerOf()`. */
export function claimId(owner: string, port: number): string {
  return `${owner}:${port}`;
}
