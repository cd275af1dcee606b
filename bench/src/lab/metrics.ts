import { median, type Figure } from '../figures.js';

/** Who is measured, in the order of the tables. */
export const CONTENDERS = {
  direct: 'direct',
  'harbor-kernel': 'Harbor, kernel plane',
  'harbor-relay': 'Harbor, relay',
  'haproxy-shipped': 'HAProxy as shipped',
  'haproxy-tuned': 'HAProxy tuned',
  'nginx-shipped': 'nginx stream as shipped',
  'nginx-tuned': 'nginx stream tuned',
} as const;

export type ContenderName = keyof typeof CONTENDERS;

export interface Metric {
  readonly title: string;
  readonly unit: string;
  /** What is better of it. */
  readonly better: 'more' | 'less';
}

/** What is measured of each, in the order of the tables. */
export const METRICS = {
  up: { title: 'TCP throughput, client → backend', unit: 'Gbit/s', better: 'more' },
  upCpu: { title: 'CPU of its own, client → backend', unit: 's/GB', better: 'less' },
  upMachine: { title: 'CPU of the whole machine, client → backend', unit: 's/GB', better: 'less' },
  down: { title: 'TCP throughput, backend → client', unit: 'Gbit/s', better: 'more' },
  downCpu: { title: 'CPU of its own, backend → client', unit: 's/GB', better: 'less' },
  downMachine: { title: 'CPU of the whole machine, backend → client', unit: 's/GB', better: 'less' },
  requests: { title: 'HTTP requests on 64 kept connections', unit: '1/s', better: 'more' },
  requestP50: { title: 'time of such a request, p50', unit: 'ms', better: 'less' },
  requestP99: { title: 'time of such a request, p99', unit: 'ms', better: 'less' },
  steadyP50: { title: 'time of a request at 20,000 requests/s, p50', unit: 'ms', better: 'less' },
  steadyP99: { title: 'time of a request at 20,000 requests/s, p99', unit: 'ms', better: 'less' },
  connects: { title: 'connections with one HTTP request each, 64 at a time', unit: '1/s', better: 'more' },
  firstByteP50: { title: 'connect → first byte at 300 connects/s, p50', unit: 'ms', better: 'less' },
  firstByteP99: { title: 'connect → first byte at 300 connects/s, p99', unit: 'ms', better: 'less' },
  datagrams: { title: 'UDP datagrams of 64 bytes that arrive of a flood', unit: '1/s', better: 'more' },
  datagramLoss: { title: 'share of the flood that is lost', unit: '%', better: 'less' },
  pings: { title: 'UDP round trips of 5,000 asked for each second', unit: '1/s', better: 'more' },
  pingP50: { title: 'UDP round trip at 5,000/s, p50', unit: 'ms', better: 'less' },
  pingP99: { title: 'UDP round trip at 5,000/s, p99', unit: 'ms', better: 'less' },
  memory: { title: 'memory that idle connections take', unit: 'MB', better: 'less' },
  memoryAll: { title: 'memory of its processes with them', unit: 'MB', better: 'less' },
} as const satisfies Readonly<Record<string, Metric>>;

export type MetricName = keyof typeof METRICS;

/** The samples of all rounds. */
export class Samples {
  readonly #all = new Map<string, number[]>();

  add(metric: MetricName, contender: ContenderName, value: number): void {
    const key = `${metric} ${contender}`;
    this.#all.set(key, [...(this.#all.get(key) ?? []), value]);
  }

  of(metric: MetricName, contender: ContenderName): readonly number[] {
    return this.#all.get(`${metric} ${contender}`) ?? [];
  }

  /** A figure for each contender that was measured, below the metric's title. */
  figures(): Figure[] {
    return (Object.keys(METRICS) as MetricName[]).flatMap((metric) => {
      const { title, unit } = METRICS[metric];
      return (Object.keys(CONTENDERS) as ContenderName[]).flatMap((contender) => {
        const values = this.of(metric, contender);
        if (values.length === 0) return [];
        const [low, high] = [Math.min(...values), Math.max(...values)];
        return [{ name: CONTENDERS[contender], group: title, value: median(values), unit, low, high }];
      });
    });
  }
}
