import type { InjectOptions } from 'fastify';
import { memoryGateway, TOKEN } from './fixture.js';

export const V1_HEADERS = { 'x-vcap-service-token': TOKEN, 'content-type': 'application/json' };
export const CONFIGURATIONS = '/gateway/v1/configurations';
export const INTERNAL = '/service/internal/v1';

/** The body that makes an instance; what is not named is the plainest. */
export function configuration(more: object = {}): object {
  return { unique_id: 'no-plan-of-ours', name: 'web', plan: 'free', version: '1.0', ...more };
}

/** The body that binds. */
export function handleBody(service_id: string, more: object = {}): object {
  return { service_id, label: 'harbor-1.0', email: 'me@example.com', binding_options: {}, ...more };
}

/** An error of v1 as a pattern. */
export function v1Error(code: number, type: string): object {
  return { code, description: String, error: { backtrace: null, types: [type] } };
}

/** A gateway in memory, spoken to as the cloud controller speaks. */
export function v1Gateway(more: Parameters<typeof memoryGateway>[0] = {}) {
  const all = memoryGateway(more);
  const send = async (
    method: 'GET' | 'POST' | 'PUT' | 'DELETE',
    url: string,
    body?: unknown,
    headers: object = V1_HEADERS,
  ) => {
    const payload = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body);
    const options: InjectOptions = { method, url, headers: { ...headers } };
    const answer = await all.inject(payload === undefined ? options : { ...options, payload });
    return { status: answer.statusCode, json: answer.json<unknown>() };
  };
  /** An instance made through v1; resolves with its handle. */
  const create = async (body: object = configuration()) => {
    const { json } = await send('POST', CONFIGURATIONS, body);
    return json as { service_id: string; configuration: object; credentials: Record<string, unknown> };
  };
  return { ...all, send, create };
}

/** Every endpoint of the table (wire facts §1), each with a body that it would take. */
export function endpoints(id = 'nobody'): readonly ['GET' | 'POST' | 'DELETE', string, object][] {
  const one = `${CONFIGURATIONS}/${id}`;
  return [
    ['POST', CONFIGURATIONS, configuration()],
    ['DELETE', one, {}],
    ['POST', `${one}/handles`, handleBody(id)],
    ['DELETE', `${one}/handles/h`, { service_id: id, handle_id: 'h', binding_options: {} }],
    ['POST', `${one}/snapshots`, {}],
    ['POST', `${one}/serialized/url`, {}],
    ['GET', `${one}/jobs/1`, {}],
    ['POST', `${INTERNAL}/check_orphan`, {}],
    ['DELETE', `${INTERNAL}/purge_orphan`, { orphan_instances: {}, orphan_bindings: {} }],
    ['POST', `${INTERNAL}/migration/n1/${id}/check`, {}],
    ['GET', `${INTERNAL}/migration/n1/instances`, {}],
  ];
}
