/** An inclusive range of port numbers, 1 ≤ low ≤ high ≤ 65535. */
export interface PortRange {
  readonly low: number;
  readonly high: number;
}

const FORM = /^\s*(\d{1,5})\s*-\s*(\d{1,5})\s*$/;

/** True for a whole number that can be a port: 1…65535. */
export function isPort(value: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= 65535;
}

/** Parses `35000-40000`; blanks around the dash are allowed. Anything else gives undefined. */
export function parsePortRange(text: string): PortRange | undefined {
  const match = FORM.exec(text);
  if (!match) return undefined;
  const range = { low: Number(match[1]), high: Number(match[2]) };
  return isPort(range.low) && isPort(range.high) && range.low <= range.high ? range : undefined;
}

/** The form people read and write: `35000-40000`. */
export function formatPortRange(range: PortRange): string {
  return `${range.low}-${range.high}`;
}

export function rangeContains(range: PortRange, port: number): boolean {
  return port >= range.low && port <= range.high;
}

/** How many ports the range holds. */
export function rangeSize(range: PortRange): number {
  return range.high - range.low + 1;
}

/** What all ranges have in common; undefined where that is nothing. */
export function commonRange(ranges: readonly PortRange[]): PortRange | undefined {
  const low = Math.max(...ranges.map((range) => range.low));
  const high = Math.min(...ranges.map((range) => range.high));
  return ranges.length > 0 && low <= high ? { low, high } : undefined;
}
