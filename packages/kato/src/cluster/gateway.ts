import { gatewayUrl } from '@harbor/config';
import { HarborError, reportedError } from '@harbor/core';
import { liveSettings, type Place } from '@harbor/runtime';
import {
  errorBody,
  moveView,
  nodesView,
  parseJson,
  servicesView,
  type MoveView,
  type NodesView,
  type ServicesView,
  type z,
} from '@harbor/wire';

/** A service that moves is bound on one node and let go on another; each step has its own limit. */
const PATIENCE = 40_000;
/** What is only looked at the gateway has at hand, ms. */
const LOOK = 15_000;

/** What the commands on nodes ask of harbor_gateway. Errors of all: HARBOR_GATEWAY_UNAVAILABLE, what it answers. */
export class NodesClient {
  constructor(readonly place: Place) {}

  nodes(): Promise<NodesView> {
    return this.#ask('GET', '/api/v1/nodes', nodesView);
  }

  /** The services of a node, by port. */
  async servicesOf(node: string): Promise<ServicesView['services']> {
    const { services } = await this.#ask('GET', '/api/v1/services', servicesView);
    return services.filter(({ node_id }) => node_id === node).sort((a, b) => (a.port ?? 0) - (b.port ?? 0));
  }

  move(service: string, from: string, to: string, dryRun: boolean): Promise<MoveView> {
    const path = `/api/v1/nodes/${encodeURIComponent(from)}/services/${encodeURIComponent(service)}/move`;
    return this.#ask('POST', path, moveView, { to, dry_run: dryRun });
  }

  async #ask<T>(method: string, path: string, schema: z.ZodType<T>, body?: object): Promise<T> {
    const { settings } = await liveSettings(this.place);
    const { username, password } = settings.harbor_gateway;
    const url = gatewayUrl(settings);
    let answer: Response;
    let text: string;
    try {
      answer = await fetch(`${url}${path}`, {
        method,
        headers: {
          authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`,
          ...(body ? { 'content-type': 'application/json' } : {}),
        },
        signal: AbortSignal.timeout(method === 'GET' ? LOOK : PATIENCE),
        ...(body ? { body: JSON.stringify(body) } : {}),
      });
      text = await answer.text();
    } catch (cause) {
      throw new HarborError('HARBOR_GATEWAY_UNAVAILABLE', `no answer from ${url}: ${String(cause)}`, {
        cause,
      });
    }
    if (answer.ok) return parseJson(schema, text, 'HARBOR_GATEWAY_UNAVAILABLE', `the answer of ${url}`);
    const { error, description } = parseJson(
      errorBody,
      text,
      'HARBOR_GATEWAY_UNAVAILABLE',
      `the answer of ${url}`,
    );
    throw reportedError(error, description);
  }
}
