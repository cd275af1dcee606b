import type { Component } from '@harbor/component';
import type { Clock, Millis } from '@harbor/core';
import type { FastifyInstance } from 'fastify';
import type { Account, MessageBus } from '../dependencies.js';
import type { NodeDirectory } from '../nodes/directory.js';
import type { SharedState } from '../state/shared-state.js';
import { varzView } from '@harbor/wire';
import type { Orphans } from '../orphans/orphans.js';
import { requireAccount } from './auth.js';
import { about } from './describe.js';
import type { GatewayMetrics } from './metrics.js';

export interface HealthParts {
  readonly account: () => Account;
  readonly bus: MessageBus;
  readonly state: SharedState;
  readonly directory: NodeDirectory;
  readonly metrics: GatewayMetrics;
  readonly clock: Clock;
  readonly component: Component;
  readonly orphans: Orphans;
}

const HEALTHZ = { name: 'healthz', summary: 'It answers.', answers: { 200: 'text/plain' }, open: true };
const METRICS = { name: 'metrics', summary: 'For Prometheus.', answers: { 200: 'text/plain' }, open: true };
const VARZ = { name: 'varz', summary: 'How the gateway stands.', answers: { 200: varzView } };

/** `/healthz` and `/metrics` for anybody, `/varz` for those with an account. */
export function healthRoutes(parts: HealthParts) {
  const { account, bus, state, directory, metrics, clock, component, orphans } = parts;
  const started = clock.now();
  return (app: FastifyInstance, _options: object, done: () => void): void => {
    app.get('/healthz', about(HEALTHZ), (_request, reply) => reply.type('text/plain').send('ok'));
    app.get('/metrics', about(METRICS), async (_request, reply) =>
      reply.type(metrics.registry.contentType).send(await metrics.registry.metrics()),
    );
    app.get('/varz', { onRequest: requireAccount(account), ...about(VARZ) }, () => ({
      ...component.varz(),
      name: 'harbor_gateway',
      uptime_s: seconds(clock.now() - started),
      mem_bytes: process.memoryUsage.rss(),
      cpu_s: seconds((process.cpuUsage().user + process.cpuUsage().system) / 1_000),
      nats_connected: bus.connected,
      revision: state.replica.revision,
      instances: state.replica.count('instance'),
      bindings: state.replica.count('binding'),
      requests: metrics.requests,
      responses_metrics: metrics.responses,
      ...orphans.final,
      nodes: directory.list().map(({ heard, ...node }) => ({
        ...node,
        heard_s: Number.isFinite(heard) ? seconds(clock.now() - heard) : null,
      })),
    }));
    done();
  };
}

function seconds(ms: Millis): number {
  return Math.round(ms / 100) / 10;
}
