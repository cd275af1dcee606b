import { connect, type NatsConnection } from 'nats';
import type { TestBackend } from './backends.js';
import type { TestHarbor } from './harbor.js';
import type { Scope } from './scope.js';

/** What is registered: anything that listens somewhere. */
type Reached = Pick<TestBackend, 'name' | 'host' | 'port'>;

/** What a test's DEA says of an instance. */
export interface Said {
  readonly service: string;
  readonly instance?: string;
  readonly [more: string]: unknown;
}

/** A DEA as any other program could be one: it knows the contract's messages and nothing else. */
export class TestDea {
  private constructor(
    readonly nats: NatsConnection,
    readonly id: string,
  ) {}

  static async start(t: Scope, harbor: TestHarbor, id = 'dea-1'): Promise<TestDea> {
    const urls = (await harbor.natsUrl()).split(',').map((each) => new URL(each));
    const [url] = urls;
    const nats = await connect({
      servers: urls.map(({ hostname, port }) => `${hostname}:${port}`),
      ...(url?.username ? { user: decodeURIComponent(url.username) } : {}),
      ...(url?.password ? { pass: decodeURIComponent(url.password) } : {}),
      maxReconnectAttempts: -1,
      reconnectTimeWait: 50,
    });
    t.teardown(() => nats.close());
    return new TestDea(nats, id);
  }

  /** The message for an instance; its id is its backend's name unless said otherwise. */
  message(backend: Reached, said: Said): Record<string, unknown> {
    const { host, port, name } = backend;
    return { dea: this.id, app: 'app', instance: name, host, port, ...said };
  }

  async register(backend: Reached, said: Said): Promise<void> {
    await this.say('harbor.register', this.message(backend, said));
  }

  async unregister(backend: Reached, said: Said): Promise<void> {
    await this.say('harbor.unregister', this.message(backend, said));
  }

  /** Says something; it has reached the server when this resolves. */
  async say(subject: string, value: unknown): Promise<void> {
    this.nats.publish(subject, typeof value === 'string' ? value : JSON.stringify(value));
    await this.nats.flush();
  }
}
