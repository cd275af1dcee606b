import { Bus } from '@harbor/bus';
import { HarborError, type Clock } from '@harbor/core';
import { Store } from '@harbor/store';
import { eventually, freePort, startNats, startRedis } from '@harbor/testbed';
import { provisionRequest, unprovisionRequest, z, type ProvisionRequest } from '@harbor/wire';
import type { Test } from 'tap';
import { startGateway } from '../../src/start.js';
import { ACCOUNT, BROKER_HEADERS, credentialsFor, TOKEN } from './fixture.js';
import { MemoryLog } from './memory.js';

const clock: Clock = {
  now: () => Date.now(),
  schedule(delay, task) {
    const timer = setTimeout(task, delay);
    return () => {
      clearTimeout(timer);
    };
  },
};

/** A service node of the test's own: it answers as a real one, and remembers what it provides. */
export class FakeNode {
  readonly services = new Map<string, number>();
  #port = 35_000;
  /** Called before a provision request is answered. */
  before: (request: ProvisionRequest) => Promise<void> | void = () => undefined;

  constructor(
    readonly bus: Bus,
    readonly id = 'n1',
    readonly capacity = 5_000,
  ) {
    bus.serve(`HarboraaS.provision.${id}`, provisionRequest, async (request) => {
      await this.before(request);
      const name = request.instance_id ?? '';
      if (this.services.has(name)) throw new HarborError('HARBOR_SERVICE_EXISTS', `${name} exists`);
      this.services.set(name, ++this.#port);
      return { success: true, credentials: credentialsFor(name, this.#port, id) };
    });
    bus.serve(`HarboraaS.unprovision.${id}`, unprovisionRequest, async ({ name }) => {
      this.services.delete(name);
      return Promise.resolve({ success: true });
    });
    bus.subscribe('HarboraaS.discover', z.unknown(), () => {
      this.announce();
    });
  }

  announce(): void {
    const available_capacity = this.capacity - this.services.size;
    this.bus.publish('HarboraaS.announce', {
      id: this.id,
      plan: 'free',
      available_capacity,
      capacity_unit: 1,
    });
  }
}

/** Real Redis and NATS, a fake node, and gateways on free ports; all ends with the test. */
export async function realServers(t: Test) {
  const [redis, nats] = await Promise.all([startRedis(), startNats()]);
  const closing: (() => Promise<void> | void)[] = [];
  t.teardown(async () => {
    for (const close of closing.reverse()) await close();
    await Promise.all([redis.stop(), nats.stop()]);
  });
  const openBus = async (name: string, onReconnect = () => undefined) => {
    const events = { onInvalid: () => undefined, onError: () => undefined, onReconnect };
    const bus = await Bus.open({ servers: [nats.url], name, waitForServer: false, events });
    closing.push(() => bus.close());
    return bus;
  };
  const openStore = () => {
    const store = new Store({ url: redis.url, onError: () => undefined });
    closing.push(() => {
      store.close();
    });
    return store;
  };
  const node = new FakeNode(await openBus('node'));
  await node.bus.flush();
  const openGateway = async (port?: number) => {
    const log = new MemoryLog();
    let told: (connected: boolean) => void = () => undefined;
    const bus = await openBus('gateway', () => {
      told(true);
      return undefined;
    });
    const address = { host: '127.0.0.1', port: port ?? (await freePort()) };
    const running = await startGateway({
      store: openStore(),
      bus,
      clock,
      log,
      settings: {
        current: {
          cluster: { service_name: 'HarboraaS' },
          harbor_gateway: { ...ACCOUNT, ...address, token: TOKEN, url: null, cloud_controller_uri: null },
        },
      },
      onBus: (listener) => (told = listener),
    });
    closing.push(() => running.stop());
    await eventually('the node to be known', () => running.gateway.directory.size > 0);
    const call = async (method: string, path: string, body?: object) => {
      const answer = await fetch(`http://127.0.0.1:${address.port}${path}`, {
        method,
        headers: BROKER_HEADERS,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      return { status: answer.status, json: (await answer.json()) as Record<string, unknown> };
    };
    return { ...running, ...address, call, log };
  };
  return { redis, nats, node, openGateway, openStore };
}
