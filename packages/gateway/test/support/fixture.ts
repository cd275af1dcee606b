import { ManualClock, type Credentials, type Instance } from '@harbor/core';
import type { InjectOptions } from 'fastify';
import { PLANS, SERVICE_ID, type ProvisionRequest } from '@harbor/wire';
import { Gateway, type GatewayParts } from '../../src/gateway.js';
import type { RouteDescription } from '../../src/http/describe.js';
import { failuresOf } from '../../src/http/openapi.js';
import { MemoryBus, MemoryLog, MemoryState } from './memory.js';

export const ACCOUNT = { username: 'user', password: 'pass:word' };
/** The X-VCAP-Service-Token. */
export const TOKEN = 'token-of-v1';
export const TCP = PLANS[0]!;
export const UDP = PLANS[1]!;
export const FREE = PLANS[3]!;

export const BROKER_HEADERS = {
  authorization: `Basic ${Buffer.from('user:pass:word').toString('base64')}`,
  'x-broker-api-version': '2.17',
  'content-type': 'application/json',
};

/** The body of a provision request; what is not named is the plainest. */
export function provisionBody(more: object = {}): Record<string, unknown> {
  return {
    service_id: SERVICE_ID,
    plan_id: TCP.id,
    organization_guid: 'org',
    space_guid: 'space',
    ...more,
  };
}

export function harborContext(name: string): object {
  return { context: { platform: 'harbor', instance_name: name } };
}

export function credentialsFor(id: string, port = 35001, node = 'n1'): Credentials {
  return { hostname: 'h', host: '10.0.0.1', port, name: id, node_id: node, int_port: 4100 };
}

export function instanceRecord(id: string, more: Partial<Instance> = {}): Instance {
  return {
    id,
    name: '',
    state: 'creating',
    serviceId: SERVICE_ID,
    planId: TCP.id,
    organization: 'org',
    space: 'space',
    parameters: {},
    node: 'n1',
    createdAt: 0,
    ...more,
  };
}

/**
 * A gateway whose outside is all in memory; its one node `n1` provides ports from 35001 up. What is asked of it
 * fails where a status is answered that its OpenAPI description does not have.
 */
export function memoryGateway(more: Partial<GatewayParts> = {}) {
  const state = new MemoryState();
  const bus = new MemoryBus();
  const log = new MemoryLog();
  const clock = new ManualClock(1_000_000);
  let port = 35_000;
  const gateway = new Gateway({
    store: state,
    follower: state,
    bus,
    clock,
    log,
    account: () => ACCOUNT,
    token: () => TOKEN,
    service: 'HarboraaS',
    address: () => '192.0.2.7:8190',
    ...more,
  });
  const undocumented: string[] = [];
  gateway.server.addHook('onSend', async ({ routeOptions }, { statusCode }) => {
    const about = routeOptions.config.about;
    if (about && !isDocumented(about, statusCode)) undocumented.push(`${about.name} answers ${statusCode}`);
    return Promise.resolve();
  });
  const inject = async (request: InjectOptions) => {
    const answer = await gateway.server.inject(request);
    if (undocumented.length > 0)
      throw new Error(`not in the OpenAPI description: ${undocumented.join(', ')}`);
    return answer;
  };
  const announce = (id = 'n1', capacity = 100) =>
    bus.deliver('HarboraaS.announce', { id, plan: 'free', available_capacity: capacity });
  bus.answer('HarboraaS.provision.n1', (value) => {
    const { instance_id: id } = value as ProvisionRequest;
    return { success: true, credentials: credentialsFor(id ?? '', ++port) };
  });
  bus.answer('HarboraaS.unprovision.n1', () => ({ success: true }));
  gateway.start();
  announce();
  const call = async (
    method: 'GET' | 'PUT' | 'DELETE' | 'PATCH',
    url: string,
    body?: object,
    headers: object = {},
  ) => {
    const answer = await inject({
      method,
      url,
      headers: { ...BROKER_HEADERS, ...headers },
      ...(body === undefined ? {} : { body }),
    });
    return {
      status: answer.statusCode,
      headers: answer.headers,
      text: answer.body,
      json: asJson(answer.body),
    };
  };
  return { gateway, state, bus, log, clock, announce, inject, call };
}

function isDocumented(about: RouteDescription, status: number): boolean {
  return status in about.answers || failuresOf(about).includes(status);
}

function asJson(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return {};
  }
}
