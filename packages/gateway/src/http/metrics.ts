import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { NodeDirectory } from '../nodes/directory.js';
import type { SharedState } from '../state/shared-state.js';

const CLASSES = [
  'responses_1xx',
  'responses_2xx',
  'responses_3xx',
  'responses_4xx',
  'responses_5xx',
] as const;
const STATES = ['creating', 'ready', 'deleting'] as const;

export interface MetricSources {
  readonly state: SharedState;
  readonly directory: NodeDirectory;
  readonly isBusConnected: () => boolean;
}

/** What the gateway counts, in a registry of its own. */
export class GatewayMetrics {
  readonly registry = new Registry();
  readonly #requests: Counter<'method' | 'route' | 'status'>;
  readonly #durations: Histogram<'method' | 'route'>;
  readonly #responses: Record<string, number> = Object.fromEntries(CLASSES.map((name) => [name, 0]));
  #total = 0;

  constructor(sources: MetricSources) {
    const registers = [this.registry];
    collectDefaultMetrics({ register: this.registry });
    this.#requests = new Counter({
      name: 'harbor_gateway_requests_total',
      help: 'Requests answered.',
      labelNames: ['method', 'route', 'status'],
      registers,
    });
    this.#durations = new Histogram({
      name: 'harbor_gateway_request_seconds',
      help: 'Time from a request to its answer.',
      labelNames: ['method', 'route'],
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5],
      registers,
    });
    addGauges(sources, registers);
  }

  /** How many answers of each class there were. */
  get responses(): Readonly<Record<string, number>> {
    return { ...this.#responses };
  }

  /** How many requests were answered. */
  get requests(): number {
    return this.#total;
  }

  /** Counts an answer; `route` is the pattern, never the path, so that ids cannot multiply the series. */
  observe(method: string, route: string, status: number, ms: number): void {
    this.#total += 1;
    const group = CLASSES[Math.floor(status / 100) - 1];
    if (group) this.#responses[group] = (this.#responses[group] ?? 0) + 1;
    this.#requests.inc({ method, route, status });
    this.#durations.observe({ method, route }, ms / 1_000);
  }
}

function addGauges({ state, directory, isBusConnected }: MetricSources, registers: Registry[]): void {
  new Gauge({
    name: 'harbor_gateway_instances',
    help: 'Service instances by state.',
    labelNames: ['state'],
    registers,
    collect() {
      const counts = new Map<string, number>(STATES.map((name) => [name, 0]));
      for (const one of state.replica.all('instance'))
        counts.set(one.state, (counts.get(one.state) ?? 0) + 1);
      for (const [name, count] of counts) this.set({ state: name }, count);
    },
  });
  new Gauge({
    name: 'harbor_gateway_bindings',
    help: 'Service bindings.',
    registers,
    collect() {
      this.set(state.replica.count('binding'));
    },
  });
  new Gauge({
    name: 'harbor_gateway_node_free_ports',
    help: 'Free ports of each node that is not stale.',
    labelNames: ['node'],
    registers,
    collect() {
      this.reset();
      for (const { id, stale, available } of directory.list()) if (!stale) this.set({ node: id }, available);
    },
  });
  new Gauge({
    name: 'harbor_gateway_nats_connected',
    help: '1 while NATS is connected.',
    registers,
    collect() {
      this.set(isBusConnected() ? 1 : 0);
    },
  });
}
