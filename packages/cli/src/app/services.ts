import { shellWord, asHarborError, HarborError } from '@harbor/core';
import { localAddresses } from '@harbor/machine';
import { SERVICE_NAME, SERVICE_TAGS, type ServiceView } from '@harbor/wire';
import type { RunService } from '../dea/run-service.js';
import type { GatewayClient } from '../gateway/client.js';
import type { WantedService } from '../manifest/index.js';

/** Told of what is made or removed, one line each. */
export type Say = (line: string) => void;

type Gateway = Pick<GatewayClient, 'service' | 'bindings' | 'create' | 'bind' | 'unbind' | 'delete'>;

/** What is to become of the services of a manifest. */
export interface Provision {
  /** They are deleted at the end; otherwise whoever started this is told how long they stay. */
  readonly deleted: boolean;
  /** Told of each that was not there. */
  readonly onMade: (service: WantedService) => void;
}

/** Makes the services of a manifest where they are missing and binds them to its application. */
export async function provideServices(
  gateway: Gateway,
  app: string,
  wanted: readonly WantedService[],
  say: Say,
  { deleted, onMade }: Provision,
): Promise<void> {
  for (const each of wanted) {
    const { name, plan } = each;
    let service = await ifThere(gateway.service(name));
    if (!service) {
      service = await make(gateway, each);
      onMade(each);
      const kept = `; it is kept, with its port, until: harbor delete-service ${shellWord(name)} -f`;
      say(`created ${name}${deleted ? '' : kept}`);
    } else if (plan !== undefined && plan !== service.plan)
      say(
        `${name} is there with the plan ${service.plan}; change it with: harbor update-service ${shellWord(name)} -p ${plan}`,
      );
    if (!service.bindings.includes(app)) {
      await gateway.bind(app, service);
      say(`bound ${name} to ${app}`);
    }
  }
}

/** The services bound to the application and those named, by name or id, each once. Errors: HARBOR_SERVICE_NOT_FOUND. */
export async function findServices(
  gateway: Gateway,
  app: string,
  named: readonly string[],
): Promise<RunService[]> {
  const bound = (await gateway.bindings(app)).map((binding) => binding.service.id);
  const found = await Promise.all([...new Set([...bound, ...named])].map((each) => gateway.service(each)));
  const once = [...new Map(found.map((service) => [service.id, service])).values()];
  const local = new Set(localAddresses());
  return once.map((service) => runService(service, local));
}

/** Removes the services of a manifest; one that is bound to another application stays. */
export async function removeServices(
  gateway: Gateway,
  app: string,
  wanted: readonly WantedService[],
  say: Say,
): Promise<void> {
  const bindings = await gateway.bindings(app);
  for (const { name } of wanted) {
    const service = await ifThere(gateway.service(name));
    if (!service) continue;
    for (const { id } of bindings.filter((each) => each.service.id === service.id))
      await gateway.unbind(service, id);
    const others = service.bindings.filter((each) => each !== app);
    if (others.length > 0) say(`${name} stays: it is bound to ${others.join(', ')}`);
    else {
      await gateway.delete(service);
      say(`deleted ${name}`);
    }
  }
}

/** Errors: those of the gateway, which does not know what the service is called here. */
async function make(gateway: Gateway, { name, plan, parameters }: WantedService): Promise<ServiceView> {
  try {
    return await gateway.create(name, plan ?? 'free', parameters);
  } catch (thrown) {
    const { code, message, details } = asHarborError(thrown);
    throw new HarborError(code, `the service ${name} cannot be made: ${message}`, { cause: thrown, details });
  }
}

async function ifThere(service: Promise<ServiceView>): Promise<ServiceView | undefined> {
  return service.catch((thrown: unknown) => {
    if (thrown instanceof HarborError && thrown.code === 'HARBOR_SERVICE_NOT_FOUND') return undefined;
    throw thrown;
  });
}

function runService(service: ServiceView, local: ReadonlySet<string>): RunService {
  const { name, plan, protocol, credentials, parameters } = service;
  if (!credentials)
    throw new HarborError('HARBOR_SERVICE_BUSY', `${name} has no port yet, it is ${service.state}`);
  const here = local.has(credentials.host);
  const proxyProtocol = parameters.proxy_protocol !== undefined;
  const known = { name, label: SERVICE_NAME, plan, tags: SERVICE_TAGS, credentials, protocol };
  return { ...known, local: here, proxyProtocol };
}
