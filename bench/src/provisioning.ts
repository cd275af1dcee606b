import type { TestHarbor } from '@harbor/testbed';
import { PLANS, SERVICE_ID } from '@harbor/wire';
import { randomUUID } from 'node:crypto';
import { Agent, request } from 'node:http';

/** The gateway as a platform uses it: one kept connection, one request after the other, or as many as said. */
export class Platform {
  readonly #agent: Agent;

  constructor(
    readonly url: string,
    readonly auth: string,
    sockets = 1,
  ) {
    this.#agent = new Agent({ keepAlive: true, maxSockets: sockets });
  }

  static async of(harbor: TestHarbor, sockets = 1): Promise<Platform> {
    const info = JSON.parse(await harbor.must('kato', 'info', '--json', '--secrets')) as {
      gateway_url: string;
      username: string;
      password: string;
    };
    return new Platform(info.gateway_url, `${info.username}:${info.password}`, sockets);
  }

  /** Provisions a TCP port and resolves with the service's id. */
  async provision(name: string, parameters: object = {}): Promise<string> {
    const id = randomUUID();
    await this.ask('PUT', `/v2/service_instances/${id}`, {
      service_id: SERVICE_ID,
      plan_id: PLANS[0]?.id,
      organization_guid: 'bench',
      space_guid: 'bench',
      parameters,
      context: { platform: 'harbor', instance_name: name },
    });
    return id;
  }

  async deprovision(id: string): Promise<void> {
    const of = new URLSearchParams({ service_id: SERVICE_ID, plan_id: PLANS[0]?.id ?? '' });
    await this.ask('DELETE', `/v2/service_instances/${id}?${of.toString()}`);
  }

  /** The ports of all services, by their ids. */
  async ports(): Promise<Map<string, number>> {
    const { services } = (await this.ask('GET', '/api/v1/services')) as {
      services: { id: string; port: number }[];
    };
    return new Map(services.map(({ id, port }) => [id, port]));
  }

  ask(method: string, path: string, body?: object): Promise<unknown> {
    return new Promise((done, failed) => {
      const headers = { 'x-broker-api-version': '2.17', 'content-type': 'application/json' };
      const asked = request(`${this.url}${path}`, { method, auth: this.auth, agent: this.#agent, headers });
      asked.once('error', failed).once('response', (response) => {
        let text = '';
        response
          .on('data', (data) => (text += String(data)))
          .once('end', () => {
            if ((response.statusCode ?? 500) < 300) done(JSON.parse(text));
            else failed(new Error(`${method} ${path}: ${response.statusCode} ${text}`));
          });
      });
      asked.end(body ? JSON.stringify(body) : undefined);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}
