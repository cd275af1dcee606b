import type { Binding, Instance, Protocol } from '@harbor/core';
import { planOfId, type ServicesView, type ServiceView } from '@harbor/wire';
import type { QuotaKeeper } from '../instances/quotas.js';
import { protocolOf } from '../instances/wanted.js';
import type { ViewSources } from './sources.js';

const PROTOCOLS: readonly Protocol[] = ['tcp', 'udp', 'both'];

/** All services, sorted by name, and what is used of the quotas that are set. */
export function servicesView(sources: ViewSources, quotas: QuotaKeeper): ServicesView {
  const bound = new Map<string, Binding[]>();
  for (const binding of sources.replica.all('binding')) {
    const known = bound.get(binding.instance);
    if (known) known.push(binding);
    else bound.set(binding.instance, [binding]);
  }
  const services = [...sources.replica.all('instance')].map((instance) =>
    viewOf(sources, instance, bound.get(instance.id) ?? []),
  );
  return {
    services: services.sort((a, b) => compare(a.name, b.name) || compare(a.id, b.id)),
    quotas: quotas.list().map(({ holder, used, limits }) => ({
      organization: holder.organization,
      space: holder.space ?? null,
      ...(limits.services === undefined ? {} : { services: { used: used.services, limit: limits.services } }),
      ...(limits.ports === undefined ? {} : { ports: { used: used.ports, limit: limits.ports } }),
    })),
  };
}

/** One service, with its credentials. */
export function serviceView(sources: ViewSources, instance: Instance): ServiceView {
  const bindings = [...sources.replica.all('binding')].filter((binding) => binding.instance === instance.id);
  const credentials = sources.credentials(instance);
  return { ...viewOf(sources, instance, bindings), ...(credentials ? { credentials } : {}) };
}

/** What people call an instance: its name, or its id where the platform gave it none. */
export function displayName(instance: Instance): string {
  return instance.name === '' ? instance.id : instance.name;
}

/** The name of an instance's plan. */
export function planName(instance: Instance): string {
  return planOfId(instance.planId)?.name ?? instance.planId;
}

/** What an instance serves on its port. */
export function instanceProtocol(instance: Instance): Protocol {
  const { protocol } = instance.parameters;
  const asked = PROTOCOLS.find((known) => known === protocol);
  return protocolOf(planOfId(instance.planId) ?? {}, { protocol: asked }, instance.name);
}

function viewOf(sources: ViewSources, instance: Instance, bindings: readonly Binding[]): ServiceView {
  const credentials = sources.credentials(instance);
  const away = sources.reach?.unreachableSince(instance);
  const group = sources.reach?.groupOf(instance);
  return {
    id: instance.id,
    name: displayName(instance),
    plan: planName(instance),
    protocol: sources.replica.get('service', instance.id)?.protocol ?? instanceProtocol(instance),
    state: instance.state,
    port: credentials?.port ?? null,
    ...(credentials?.ports === undefined ? {} : { ports: credentials.ports.map(Number) }),
    node_id: instance.node ?? null,
    ...(group === undefined ? {} : { group }),
    ...(away === undefined ? {} : { unreachable_since: new Date(away).toISOString() }),
    host: credentials?.host ?? null,
    hostname: credentials?.hostname ?? null,
    ...(credentials?.ext_host === undefined ? {} : { ext_host: credentials.ext_host }),
    ...(credentials?.ext_hostname === undefined ? {} : { ext_hostname: credentials.ext_hostname }),
    organization: instance.organization,
    space: instance.space,
    parameters: { ...instance.parameters },
    bindings: bindings.map((binding) => binding.app ?? binding.id).sort(),
    created_at: new Date(instance.createdAt).toISOString(),
  };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
