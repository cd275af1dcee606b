import { gatewayUrl, type Settings } from '@harbor/config';
import { HarborError, reportedError } from '@harbor/core';
import { liveSettings, type Place } from '@harbor/runtime';
import {
  bindingsView,
  errorBody,
  explainView,
  parse,
  parseJson,
  planOfName,
  PLANS,
  SERVICE_ID,
  servicesView,
  serviceView,
  z,
  type BindingView,
  type ExplainView,
  type ServicesView,
  type ServiceView,
} from '@harbor/wire';
import { note } from '@harbor/terminal';
import { randomUUID } from 'node:crypto';

/** The gateway answers a provisioning within 6 s; this is for the network beside it. */
const TIMEOUT_MS = 15_000;

/** The words of the Open Service Broker API for errors of ours. */
const BROKER_WORDS: Readonly<Record<string, string>> = {
  ConcurrencyError: 'HARBOR_SERVICE_BUSY',
  MaintenanceInfoConflict: 'HARBOR_MAINTENANCE_INFO',
};

/** What the commands ask of harbor_gateway. Errors of all: HARBOR_GATEWAY_UNAVAILABLE and what it answers. */
export class GatewayClient {
  readonly url: string;
  readonly #authorization: string;

  constructor(settings: Settings) {
    const { username, password } = settings.harbor_gateway;
    this.url = gatewayUrl(settings);
    this.#authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  }

  /** All services, and what is used of the quotas. */
  services(): Promise<ServicesView> {
    return this.#ask('GET', '/api/v1/services', servicesView);
  }

  /** One, by its name or id, with its credentials. */
  service(name: string): Promise<ServiceView> {
    return this.#ask('GET', `/api/v1/services/${encodeURIComponent(name)}`, serviceView);
  }

  async bindings(app: string): Promise<BindingView[]> {
    return (await this.#ask('GET', `/api/v1/bindings?app=${encodeURIComponent(app)}`, bindingsView)).bindings;
  }

  explain(what: string): Promise<ExplainView> {
    return this.#ask('GET', `/api/v1/explain/${encodeURIComponent(what)}`, explainView);
  }

  /** Provisions a port and resolves with the service. Errors: HARBOR_USAGE for a plan there is not. */
  async create(name: string, plan: string, parameters: object | undefined): Promise<ServiceView> {
    const id = randomUUID();
    await this.#ask('PUT', `/v2/service_instances/${id}`, z.unknown(), {
      service_id: SERVICE_ID,
      plan_id: planId(plan),
      organization_guid: 'harbor',
      space_guid: 'default',
      context: { platform: 'harbor', instance_name: name },
      ...(parameters === undefined ? {} : { parameters }),
    });
    return this.service(id);
  }

  /** Changes the plan or parameters, null taking one away, and resolves with the service as it is then. */
  async update(service: ServiceView, plan: string | undefined, parameters: object | undefined) {
    await this.#ask('PATCH', `/v2/service_instances/${encodeURIComponent(service.id)}`, z.unknown(), {
      service_id: SERVICE_ID,
      ...(plan === undefined ? {} : { plan_id: planId(plan) }),
      ...(parameters === undefined ? {} : { parameters }),
    });
    return this.service(service.id);
  }

  /** Gives a service another name; its port, its bindings and what it serves stay. */
  async rename(service: ServiceView, name: string): Promise<ServiceView> {
    await this.#ask('PATCH', `/v2/service_instances/${encodeURIComponent(service.id)}`, z.unknown(), {
      service_id: SERVICE_ID,
      context: { platform: 'harbor', instance_name: name },
    });
    return this.service(service.id);
  }

  async delete(service: ServiceView): Promise<void> {
    await this.#ask(
      'DELETE',
      `/v2/service_instances/${encodeURIComponent(service.id)}?${idsOf(service)}`,
      z.unknown(),
    );
  }

  async bind(app: string, service: ServiceView): Promise<void> {
    const path = `/v2/service_instances/${encodeURIComponent(service.id)}/service_bindings/${randomUUID()}`;
    const body = { service_id: SERVICE_ID, plan_id: planId(service.plan), app_guid: app };
    await this.#ask('PUT', path, z.unknown(), body);
  }

  async unbind(service: ServiceView, binding: string): Promise<void> {
    const instance = encodeURIComponent(service.id);
    const path = `/v2/service_instances/${instance}/service_bindings/${encodeURIComponent(binding)}`;
    await this.#ask('DELETE', `${path}?${idsOf(service)}`, z.unknown());
  }

  async #ask<T>(method: string, path: string, schema: z.ZodType<T>, body?: object): Promise<T> {
    const response = await this.#send(method, path, body);
    const text = await response.text();
    if (!response.ok)
      throw failure(response.status, text, `${method} ${this.url}${path.split('?')[0] ?? ''}`);
    return parse(schema, text === '' ? {} : JSON.parse(text), 'HARBOR_INTERNAL', 'the answer');
  }

  async #send(method: string, path: string, body: object | undefined): Promise<Response> {
    try {
      return await fetch(`${this.url}${path}`, {
        method,
        headers: {
          authorization: this.#authorization,
          'x-broker-api-version': '2.17',
          ...(body ? { 'content-type': 'application/json' } : {}),
        },
        signal: AbortSignal.timeout(TIMEOUT_MS),
        ...(body ? { body: JSON.stringify(body) } : {}),
      });
    } catch (cause) {
      const reason =
        cause instanceof Error ? ((cause.cause as Error | undefined)?.message ?? cause.message) : '';
      throw new HarborError('HARBOR_GATEWAY_UNAVAILABLE', `no answer from ${this.url}: ${reason}`, { cause });
    }
  }
}

/** A client with the settings as they stand. */
export async function openGateway(place: Place): Promise<GatewayClient> {
  return new GatewayClient((await liveSettings(place, note)).settings);
}

function failure(status: number, text: string, what: string): HarborError {
  try {
    const { error, description } = parseJson(errorBody, text, 'HARBOR_INTERNAL', what);
    const foreign =
      status === 401 ? '; is it the gateway of another home? See HARBOR_HOME, HARBOR_GATEWAY_PORT' : '';
    return reportedError(BROKER_WORDS[error] ?? error, `${description}${foreign}`);
  } catch {
    return new HarborError(
      'HARBOR_GATEWAY_UNAVAILABLE',
      `${what} answered ${status}; is that harbor_gateway?`,
    );
  }
}

function planId(name: string): string {
  const plan = planOfName(name);
  if (plan) return plan.id;
  const known = PLANS.map((each) => each.name).join(', ');
  throw new HarborError('HARBOR_USAGE', `there is no plan ${name}; the plans are ${known}`);
}

function idsOf(service: ServiceView): string {
  return new URLSearchParams({ service_id: SERVICE_ID, plan_id: planId(service.plan) }).toString();
}
