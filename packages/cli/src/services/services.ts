import { shellWord, escaped, HarborError, protocolOfName } from '@harbor/core';
import { note, say, sayJson, table } from '@harbor/terminal';
import type { QuotaView, ServiceView } from '@harbor/wire';
import type { GatewayClient } from '../gateway/client.js';
import { readParameters } from './input.js';

/** What `--json` asks for. */
export interface Form {
  readonly json?: boolean;
}

/** What `-p` and `-c` ask for. */
export interface Wanted extends Form {
  readonly plan?: string;
  readonly parameters?: string;
}

/** `harbor create-service` */
export async function createService(
  gateway: GatewayClient,
  service: string,
  name: string,
  { plan, parameters, json }: Wanted,
): Promise<void> {
  if (name.trim() === '') throw new HarborError('HARBOR_USAGE', 'the NAME of a service must not be empty');
  if (service !== 'harbor')
    throw new HarborError('HARBOR_USAGE', `there is no service ${service}; the only one is harbor`);
  const created = await gateway.create(name, plan ?? 'free', readParameters(parameters));
  if (json) sayJson(created);
  else {
    say(`created ${name}`);
    print(created);
  }
}

/** `harbor services` */
export async function listServices(gateway: GatewayClient, { json }: Form): Promise<void> {
  const { services, quotas = [] } = await gateway.services();
  if (json) {
    sayJson(services);
    return;
  }
  const rows = services.map(
    ({ name, plan, protocol, port, ports, node_id, unreachable_since, state, bindings }) => [
      escaped(name),
      plan,
      protocol,
      portText({ port, ports }) ?? '',
      node_id ?? '',
      unreachable_since === undefined ? state : 'unreachable',
      escaped(bindings.join(', ')),
    ],
  );
  say(table([['name', 'plan', 'protocol', 'port', 'node', 'state', 'bound to'], ...rows]));
  for (const quota of quotas) say(quotaLine(quota));
  if (services.length === 0) note('there are none yet; make one with: harbor create-service harbor NAME');
}

/** `space dev of acme: services 3 of 10, ports 7 of 20` */
function quotaLine({ organization, space, services, ports }: QuotaView): string {
  const whose = space === null ? `organization ${organization}` : `space ${space} of ${organization}`;
  const parts = Object.entries({ services, ports }).flatMap(([what, count]) =>
    count ? [`${what} ${count.used} of ${count.limit}`] : [],
  );
  return `${whose}: ${parts.join(', ')}`;
}

/** `harbor service NAME` */
export async function showService(gateway: GatewayClient, name: string, { json }: Form): Promise<void> {
  const service = await gateway.service(name);
  if (json) sayJson(service);
  else print(service);
}

/** `harbor update-service` */
export async function updateService(
  gateway: GatewayClient,
  name: string,
  { plan, parameters, json }: Wanted,
): Promise<void> {
  if (plan === undefined && parameters === undefined)
    throw new HarborError('HARBOR_USAGE', 'say what to change, with -p PLAN or -c JSON');
  const changed = await gateway.update(await gateway.service(name), plan, readParameters(parameters));
  if (json) sayJson(changed);
  else {
    say(`updated ${name}`);
    print(changed);
  }
}

/** `harbor rename-service` */
export async function renameService(
  gateway: GatewayClient,
  name: string,
  wanted: string,
  { json }: Form,
): Promise<void> {
  if (wanted.trim() === '')
    throw new HarborError('HARBOR_USAGE', 'the new NAME of a service must not be empty');
  const renamed = await gateway.rename(await gateway.service(name), wanted);
  if (json) {
    sayJson(renamed);
    return;
  }
  say(`renamed ${name} to ${renamed.name}`);
  print(renamed);
  const { protocol, plan, bindings } = renamed;
  if (plan === 'free' && protocolOfName(wanted) !== protocol)
    note(
      `it stays ${protocol}; to let its name choose: harbor update-service ${shellWord(wanted)} -c '{"protocol":null}'`,
    );
  if (bindings.length > 0) note(`found under its new name at the next start of ${bindings.join(', ')}`);
}

/** `harbor delete-service`: with `force` although it is bound, or not there at all. */
export async function deleteService(gateway: GatewayClient, name: string, force: boolean): Promise<void> {
  const service = await gateway.service(name).catch((thrown: unknown) => {
    if (force && thrown instanceof HarborError && thrown.code === 'HARBOR_SERVICE_NOT_FOUND')
      return undefined;
    throw thrown;
  });
  if (!service) {
    say(`${name} is not there`);
    return;
  }
  if (service.bindings.length > 0 && !force)
    throw new HarborError('HARBOR_SERVICE_BOUND', `${name} is bound to ${service.bindings.join(', ')}`);
  await gateway.delete(service);
  say(`deleted ${name}${service.port === null ? '' : `; port ${portText(service) ?? '?'} is given back`}`);
}

/** How a service stands; one whose node does not answer cannot be said to be ready. */
export function stateText({ state, node_id, unreachable_since }: ServiceView): string {
  if (unreachable_since === undefined) return state;
  return `unreachable: ${node_id ?? 'its node'} does not answer since ${unreachable_since}`;
}

/** The addresses clients connect to: the external one where there is one. */
export function clientAddress({ ext_hostname, ext_host, hostname, host, port, ports }: Reached): string {
  return `${ext_hostname ?? ext_host ?? hostname ?? host ?? '?'}:${portText({ port, ports }) ?? '?'}`;
}

/** What of a service, or of its credentials, says where it is reached. */
interface Reached {
  readonly ext_hostname?: string | undefined;
  readonly ext_host?: string | undefined;
  readonly hostname: string | null;
  readonly host: string | null;
  readonly port: number | null;
  readonly ports?: readonly unknown[] | undefined;
}

/** `35048`, of a block `35048-35051`; undefined where it is not known yet. */
function portText({ port, ports }: Pick<Reached, 'port' | 'ports'>): string | undefined {
  if (port === null) return undefined;
  return ports === undefined ? String(port) : `${port}-${port + ports.length - 1}`;
}

function print(service: ServiceView): void {
  const { credentials } = service;
  const facts = [
    ['name', service.name],
    ['protocol', service.protocol],
    ['port', portText(service) ?? 'not yet known'],
    ['clients', clientAddress(service)],
    ['state', stateText(service)],
    ['plan', service.plan],
    ['bound to', service.bindings.join(', ') || '-'],
    ...(Object.keys(service.parameters).length > 0
      ? [['parameters', JSON.stringify(service.parameters)]]
      : []),
  ];
  say(table(facts));
  if (credentials) {
    say('credentials');
    say(table(Object.entries(credentials).map(([key, value]) => [`  ${key}`, String(value)])));
  }
}
