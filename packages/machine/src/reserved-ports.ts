import { formatPortRange, type PortRange } from '@harbor/core';
import { readFileSync, writeFileSync } from 'node:fs';

/** Ports that Linux gives to no outgoing connection (Documentation/networking/ip-sysctl.rst). */
const SYSCTL = 'net.ipv4.ip_local_reserved_ports';
const PATH = '/proc/sys/net/ipv4/ip_local_reserved_ports';

/** What came of reserving a range; `command` does it where this process may not. */
export type Reservation =
  | { readonly outcome: 'already' | 'reserved' | 'unsupported' }
  | { readonly outcome: 'refused'; readonly command: string };

/** Parses `8080,9148,35000-40000`. */
export function parseReserved(text: string): PortRange[] {
  return text
    .trim()
    .split(',')
    .filter((part) => part !== '')
    .map((part) => {
      const [low, high] = part.split('-').map(Number);
      return { low: low ?? 0, high: high ?? low ?? 0 };
    });
}

/** The ranges with one more, sorted and joined where they touch. */
export function mergeReserved(ranges: readonly PortRange[], more: PortRange): PortRange[] {
  const merged: PortRange[] = [];
  for (const range of [...ranges, more].sort((a, b) => a.low - b.low)) {
    const last = merged.at(-1);
    if (last && range.low <= last.high + 1)
      merged[merged.length - 1] = { low: last.low, high: Math.max(last.high, range.high) };
    else merged.push(range);
  }
  return merged;
}

export function formatReserved(ranges: readonly PortRange[]): string {
  return ranges
    .map((range) => (range.low === range.high ? String(range.low) : formatPortRange(range)))
    .join(',');
}

/** What is reserved now; undefined where the kernel does not know such ports. */
export function readReserved(path = PATH): PortRange[] | undefined {
  try {
    return parseReserved(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

/** The command that adds a range to what is reserved. */
export function reserveCommand(before: readonly PortRange[], range: PortRange): string {
  return `sysctl -w ${SYSCTL}=${formatReserved(mergeReserved(before, range))}`;
}

export function isReserved(ranges: readonly PortRange[], range: PortRange): boolean {
  return ranges.some(({ low, high }) => low <= range.low && range.high <= high);
}

/** Keeps outgoing connections off a range, and whatever was reserved before reserved. */
export function reservePorts(range: PortRange, path = PATH): Reservation {
  const before = readReserved(path);
  if (!before) return { outcome: 'unsupported' };
  if (isReserved(before, range)) return { outcome: 'already' };
  try {
    writeFileSync(path, formatReserved(mergeReserved(before, range)));
    return { outcome: 'reserved' };
  } catch {
    return { outcome: 'refused', command: reserveCommand(before, range) };
  }
}
