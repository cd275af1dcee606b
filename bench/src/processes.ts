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
  return {
    rss: (Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1_024) / 1e6,
    handles: readdirSync(`/proc/${pid}/fd`).length,
    cpu: cpu([pid]),
  };
}

/** CPU time that processes have used, with all their threads, s. */
export function cpu(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return sum + (Number(fields[11]) + Number(fields[12])) / TICKS;
  }, 0);
}

/** CPU time of the whole machine that was not idle, interrupts included, s since it booted. */
export function machineCpu(): number {
  const [line = ''] = readFileSync('/proc/stat', 'utf8').split('\n');
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = line
    .trim()
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return (user + nice + system + irq + softirq) / TICKS;
}

/**
 * Memory of processes that is theirs alone, MB: no programs and libraries, which others share; what a fork left
 * to several of them counts once (Pss_Anon of proc(5)).
 */
export function memory(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
    return sum + (Number(/^Pss_Anon:\s+(\d+) kB/m.exec(rollup)?.[1]) * 1_024) / 1e6;
  }, 0);
}

/** A process and all below it. */
export function tree(pid: number): number[] {
  const tasks = readdirSync(`/proc/${pid}/task`);
  const children = tasks.flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number),
  );
  return [pid, ...children.flatMap(tree)];
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
