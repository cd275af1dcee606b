import {
  byArrival,
  byIndex,
  type Address,
  type Backend,
  type Route,
  type RouteKey,
  type Transport,
} from '@harbor/core';

/** The family of a rule: the kernel translates no IPv4 packet into an IPv6 one. */
export type Family = 'ip' | 'ip6';

/** The targets that the mark of a connection can tell apart; a service with more is the relay's. */
const MOST_TARGETS = 0x1000;

/** What the kernel does for one listener: whom it forwards to, and whom it leaves to the relay. */
export interface KernelRule {
  readonly key: RouteKey;
  readonly transport: Transport;
  readonly port: number;
  readonly family: Family;
  /** In the order of their turns; for UDP the primary alone. */
  readonly targets: readonly Address[];
  /** Canonical CIDRs of the family; who is not admitted is left to the relay, which turns him away. */
  readonly allow: readonly string[];
  readonly deny: readonly string[];
  /** Open connections, or flows of UDP, at most; 0 is no limit. */
  readonly maxConnections: number;
  /** False where the backend is to see the client's address. */
  readonly masquerade: boolean;
}

/** What holds for every route of the plane. */
export interface PlaneRules {
  /** The families that this machine forwards. */
  readonly families: readonly Family[];
  /** The connector's defaults: open connections per port (0: no limit), and s of silence (null: for ever). */
  readonly maxConnections: number;
  readonly idleTimeout: number | null;
}

/**
 * The kernel's share of a route; undefined where the relay has to do it: backends on loopback or of both
 * families (turns would not be exact), PROXY protocol, an idle timeout, or because it was asked for. What
 * the kernel does not take arrives at the relay, which listens on every port.
 */
export function kernelRule(
  route: Route,
  alive: (backend: Backend) => boolean,
  plane: PlaneRules,
): KernelRule | undefined {
  const { policy, transport } = route;
  // A flow of UDP the kernel forgets by itself, after a time of its own.
  const idle = policy.idleTimeout ?? (transport === 'tcp' ? plane.idleTimeout : null) ?? 0;
  if (policy.proxyProtocol !== undefined || policy.plane === 'embedded') return undefined;
  if (idle > 0) return undefined;
  const live = route.backends.filter(alive);
  const targets = transport === 'udp' ? live.sort(byArrival).slice(0, 1) : live.sort(byIndex);
  const families = new Set(targets.map(({ host }) => familyOf(host)));
  const [family] = families;
  if (family === undefined || families.size > 1 || !plane.families.includes(family)) return undefined;
  if (targets.length > MOST_TARGETS || targets.some(({ host }) => isUnroutable(host))) return undefined;
  const allow = (policy.allow ?? []).filter((cidr) => familyOf(cidr) === family);
  if (policy.allow && policy.allow.length > 0 && allow.length === 0) return undefined;
  return {
    key: route.key,
    transport,
    port: route.port,
    family,
    targets: targets.map(({ host, port }) => ({ host, port })),
    allow,
    deny: (policy.deny ?? []).filter((cidr) => familyOf(cidr) === family),
    maxConnections: policy.maxConnections ?? plane.maxConnections,
    masquerade: policy.preserveClientIp !== true,
  };
}

function familyOf(address: string): Family {
  return address.includes(':') ? 'ip6' : 'ip';
}

/** From outside a packet to these would be a martian, or nobody knows out of which interface. */
function isUnroutable(host: string): boolean {
  return host.startsWith('127.') || host === '::1' || /^fe[89ab]/.test(host);
}
