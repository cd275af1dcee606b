import { processAlive, processStartTime } from '@harbor/machine';

/**
 * A process that made something which outlives it: its pid and when it was started, so that nobody who gets
 * the number later is taken for it. It stands in the names of what is made.
 */
export interface Owner {
  readonly pid: number;
  /** Clock ticks since boot. */
  readonly started: string;
}

const NAMESPACE = /^harbor-run-(\d+)-(\d+)-\d+$/;
const TABLE = /^harbor_run_(\d+)_(\d+)$/;

/** This process. */
export function ourselves(): Owner {
  return { pid: process.pid, started: processStartTime(process.pid) ?? '0' };
}

/** The network namespace of an instance; the slot makes it one of many. */
export function namespaceName({ pid, started }: Owner, slot: number): string {
  return `harbor-run-${pid}-${started}-${slot}`;
}

/** The nftables table of all that one process runs. */
export function tableName({ pid, started }: Owner): string {
  return `harbor_run_${pid}_${started}`;
}

/** True for a namespace or a table of ours whose owner lives no more. */
export function isLeft(name: string): boolean {
  const [, pid, started] = NAMESPACE.exec(name) ?? TABLE.exec(name) ?? [];
  return pid !== undefined && started !== undefined && !processAlive(Number(pid), started);
}
