import type { Clock } from '@harbor/core';
import { version } from '@harbor/runtime';
import type { FastifyInstance } from 'fastify';
import { Bindings } from './bindings/bindings.js';
import type { Account, Log, MessageBus, StateFollower, StateStore } from './dependencies.js';
import { GatewayMetrics } from './http/metrics.js';
import { collectRoutes } from './http/describe.js';
import { apiRoutes } from './http/routes-api.js';
import { brokerRoutes } from './http/routes-broker.js';
import { healthRoutes } from './http/routes-health.js';
import { createServer } from './http/server.js';
import { Deprovisioner } from './instances/deprovision.js';
import { OperationLocks } from './instances/locks.js';
import { Provisioner } from './instances/provision.js';
import { Updater } from './instances/update.js';
import { Recovery } from './instances/recover.js';
import { ServiceNodeClient } from './nodes/client.js';
import { NodeDirectory } from './nodes/directory.js';
import { NodeInspector } from './nodes/inspect.js';
import { NodeWatch } from './nodes/watch.js';
import { SharedState } from './state/shared-state.js';
import { ViewSources } from './views/sources.js';

/** S of the NATS subjects: how Harbor's nodes and gateways are named to each other. */
export const SERVICE_SUBJECT = 'HarboraaS';

export interface GatewayParts {
  readonly store: StateStore;
  readonly follower: StateFollower;
  readonly bus: MessageBus;
  readonly clock: Clock;
  readonly log: Log;
  readonly account: () => Account;
}

/** The gateway's domain put together with its HTTP face. */
export class Gateway {
  readonly server: FastifyInstance;
  readonly directory: NodeDirectory;
  readonly recovery: Recovery;
  readonly #nodes: NodeWatch;

  constructor(parts: GatewayParts) {
    const { bus, clock, log, account } = parts;
    const state = new SharedState(parts.store, parts.follower, clock);
    const directory = new NodeDirectory(clock);
    const nodes = new NodeWatch(directory, bus, clock, SERVICE_SUBJECT);
    const client = new ServiceNodeClient(bus, SERVICE_SUBJECT);
    const locks = new OperationLocks();
    const deprovisioner = new Deprovisioner({ state, client, locks, log });
    const provisioner = new Provisioner({ state, nodes, client, locks, deprovisioner, clock, log });
    const updater = new Updater({ state, client, locks, log });
    const bindings = new Bindings(state, clock);
    const sources = new ViewSources(state, directory);
    const metrics = new GatewayMetrics({ state, directory, isBusConnected: () => bus.connected });
    this.server = createServer({ log, metrics });
    const routes = collectRoutes(this.server);
    const broker = { account, log, provisioner, deprovisioner, updater, bindings, sources };
    this.server.register(brokerRoutes(broker), { prefix: '/v2' });
    const api = { account, sources, inspector: new NodeInspector(bus), clock, routes, version: version() };
    this.server.register(apiRoutes(api), { prefix: '/api/v1' });
    this.server.register(healthRoutes({ account, bus, state, directory, metrics, clock }));
    this.directory = directory;
    this.recovery = new Recovery({ state, bus, deprovisioner, locks, clock, log });
    this.#nodes = nodes;
  }

  /** Begins to follow the nodes and to finish what a crash left. */
  start(): void {
    this.#nodes.start();
    this.recovery.start();
  }

  /** After NATS was away: nodes may have come and gone, and deletions may have waited for them. */
  reconnected(): void {
    this.#nodes.discover();
    void this.recovery.sweep();
  }

  /** Answers what is under way, then ends. */
  async stop(): Promise<void> {
    await this.recovery.stop();
    await this.server.close();
  }
}
