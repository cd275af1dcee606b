import type { TestHarbor } from '@harbor/testbed';
import { readdirSync, readFileSync } from 'node:fs';

/** What a process uses now. */
export interface Usage {
  /** MB (10⁶ bytes) */
  readonly rss: number;
  readonly handles: number;
  /** CPU time used since it started, s. */
  readonly cpu: number;
}

/** Ticks per second of /proc times; fixed by Linux for user space (man 5 proc). */
const TICKS = 100;

export function usage(pid: number): Usage {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return {
    rss: (Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1_024) / 1e6,
    handles: readdirSync(`/proc/${pid}/fd`).length,
    cpu: (Number(fields[11]) + Number(fields[12])) / TICKS,
  };
}

export const OURS = ['harbor_gateway', 'harbor_node', 'harbor_proxy_connector'] as const;

/** The pids of Harbor's own processes. */
export async function pids(harbor: TestHarbor): Promise<Record<(typeof OURS)[number], number>> {
  const all = (await harbor.status()).roles.flatMap(({ processes }) => processes);
  const of = (name: string): number => all.find((each) => each.name === name)?.pid ?? 0;
  return {
    harbor_gateway: of('harbor_gateway'),
    harbor_node: of('harbor_node'),
    harbor_proxy_connector: of('harbor_proxy_connector'),
  };
}
