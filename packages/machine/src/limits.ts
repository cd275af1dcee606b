import { readFileSync } from 'node:fs';

/** How many files a process started from here may have open; Infinity where it is not known. */
export function openFilesLimit(): number {
  try {
    const line = /^Max open files\s+\d+\s+(\d+|unlimited)/m.exec(readFileSync('/proc/self/limits', 'utf8'));
    // Node raises its own soft limit to the hard one.
    return line?.[1] === undefined || line[1] === 'unlimited' ? Infinity : Number(line[1]);
  } catch {
    return Infinity;
  }
}

/** A whole number of /proc/sys, such as `net/core/somaxconn`; undefined where the kernel has none. */
export function sysctlNumber(name: string): number | undefined {
  try {
    return Number(readFileSync(`/proc/sys/${name}`, 'utf8').trim());
  } catch {
    return undefined;
  }
}
