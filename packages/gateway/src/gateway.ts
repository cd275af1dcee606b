import { Component } from '@harbor/component';
import type { Clock, Quotas } from '@harbor/core';
import { version } from '@harbor/runtime';
import type { FastifyInstance } from 'fastify';
import { randomBytes } from 'node:crypto';
import { Bindings } from './bindings/bindings.js';
import { CloudController } from './cloud/client.js';
import { CloudLink } from './cloud/link.js';
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
import { QuotaKeeper } from './instances/quotas.js';
import { Updater } from './instances/update.js';
import { Recovery } from './instances/recover.js';
import { ServiceNodeClient } from './nodes/client.js';
import { NodeDirectory } from './nodes/directory.js';
import { Mover } from './nodes/mover.js';
import { NodeInspector } from './nodes/inspect.js';
import { NodePresence } from './nodes/presence.js';
import { Reach } from './nodes/reach.js';
import { NodeWatch } from './nodes/watch.js';
import { knownHandles } from './orphans/known.js';
import { Orphans } from './orphans/orphans.js';
import { SharedState } from './state/shared-state.js';
import { Migration } from './v1/migration.js';
import { v1Routes } from './v1/routes.js';
import { v1InternalRoutes } from './v1/routes-internal.js';
import { V1Services } from './v1/services.js';
import { ViewSources } from './views/sources.js';

export interface GatewayParts {
  readonly store: StateStore;
  readonly follower: StateFollower;
  readonly bus: MessageBus;
  readonly clock: Clock;
  readonly log: Log;
  readonly account: () => Account;
  /** The X-VCAP-Service-Token, of requests and towards the cloud controller. */
  readonly token: () => string;
  /** S of the NATS subjects: how Harbor's nodes and gateways are named to each other. */
  readonly service: string;
  /** `ip:port` under which others reach this gateway. */
  readonly address: () => string;
  /** The cloud controller to offer the service to, and where it reaches the gateway. */
  readonly cloud?: { readonly uri: string; readonly url: () => string };
  /** Unset: no limits. */
  readonly quotas?: () => Quotas;
}

/** The gateway's domain put together with its HTTP face. */
export class Gateway {
  readonly server: FastifyInstance;
  readonly directory: NodeDirectory;
  readonly recovery: Recovery;
  readonly #nodes: NodeWatch;
  readonly #presence: NodePresence;
  readonly #component: Component;
  readonly #orphans: Orphans;
  readonly #migration: Migration;
  readonly #cloud: CloudLink | undefined;

  constructor(parts: GatewayParts) {
    const { bus, clock, log, account, service, token } = parts;
    const state = new SharedState(parts.store, parts.follower, clock);
    const directory = new NodeDirectory(
      clock,
      (id) => state.replica.revisionOf('service', id),
      (id) => presence.unreachableSince(id) !== undefined,
    );
    const ask = (): void => nodes.discover();
    const presence = new NodePresence({ state, bus, clock, log, ask });
    const nodes = new NodeWatch(directory, bus, clock, service, (announced) => presence.hear(announced));
    const client = new ServiceNodeClient(bus, service);
    const locks = new OperationLocks();
    const reach = new Reach(state.replica, presence);
    const deprovisioner = new Deprovisioner({ state, client, reach, locks, log });
    const quotas = new QuotaKeeper(state, parts.quotas ?? (() => ({})));
    const provisioner = new Provisioner({
      ...{ state, nodes, client, locks, deprovisioner, quotas, clock, log },
    });
    const updater = new Updater({ state, client, reach, locks, log });
    const bindings = new Bindings(state, clock);
    const sources = new ViewSources(state, directory, presence, reach);
    const metrics = new GatewayMetrics({ state, directory, isBusConnected: () => bus.connected });
    const services = new V1Services({ provisioner, deprovisioner, bindings, sources });
    const cloud = linkOf(parts);
    const known = async () => knownHandles(sources, (await cloud?.handles()) ?? []);
    this.#orphans = new Orphans({ bus, service, clock, log, known });
    this.#migration = new Migration({ state, sources, services, client, locks, bus, service, log });
    this.#component = componentOf(parts);
    this.server = createServer({ log, metrics });
    const routes = collectRoutes(this.server);
    const broker = { account, log, provisioner, deprovisioner, updater, bindings, sources };
    this.server.register(brokerRoutes(broker), { prefix: '/v2' });
    const inspector = new NodeInspector(bus);
    const mover = new Mover({ state, sources, locks, inspector, migration: this.#migration, log });
    const api = { account, sources, quotas, inspector, mover, clock, routes, version: version() };
    this.server.register(apiRoutes(api), { prefix: '/api/v1' });
    const checks = { token, handlesKnown: () => cloud?.handlesKnown ?? true };
    this.server.register(v1Routes({ ...checks, services }), { prefix: '/gateway/v1' });
    const internal = { ...checks, orphans: this.#orphans, migration: this.#migration };
    this.server.register(v1InternalRoutes(internal), { prefix: '/service/internal/v1' });
    const shown = { component: this.#component, orphans: this.#orphans };
    this.server.register(healthRoutes({ account, bus, state, directory, metrics, clock, ...shown }));
    this.directory = directory;
    this.recovery = new Recovery({ state, bus, deprovisioner, locks, clock, log });
    this.#nodes = nodes;
    this.#presence = presence;
    this.#cloud = cloud;
  }

  /** Begins to follow the nodes, to finish what a crash left, and to offer the service. */
  start(): void {
    this.#nodes.start();
    this.#presence.start();
    this.#orphans.start();
    this.#migration.start();
    this.#component.start();
    this.recovery.start();
    this.#cloud?.start();
  }

  /** After NATS was away: nodes may have come and gone, and deletions may have waited for them. */
  reconnected(): void {
    this.#nodes.discover();
    this.#component.announce();
    void this.recovery.sweep();
  }

  /** Takes the offering back, answers what is under way, then ends. */
  async stop(): Promise<void> {
    this.#orphans.stop();
    this.#nodes.stop();
    this.#presence.stop();
    await this.#cloud?.stop();
    await this.recovery.stop();
    await this.server.close();
  }
}

function linkOf({ cloud, token, clock, log }: GatewayParts): CloudLink | undefined {
  if (!cloud) return undefined;
  const controller = new CloudController({ uri: cloud.uri, token, clock });
  return new CloudLink({ controller, url: cloud.url, clock, log });
}

function componentOf({ bus, service, address, account, clock }: GatewayParts): Component {
  const unique = randomBytes(16).toString('hex');
  const type = `${service}-Provisioner`;
  return new Component({ bus, type, index: 0, host: address, account, clock, unique });
}
