import { readFileSync } from 'node:fs';

/**
 * When a process was started, in clock ticks since boot (/proc/PID/stat, field 22): with the pid it names
 * one process for good, whatever gets the number later. Undefined when there is none (a zombie counts as
 * none).
 */
export function processStartTime(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in parentheses may hold blanks and parentheses itself.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

/** True while the very process that was started then is alive. */
export function processAlive(pid: number, startTime: string): boolean {
  return processStartTime(pid) === startTime;
}
