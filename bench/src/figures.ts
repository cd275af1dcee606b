/** A measured figure, beside what it has to reach where a goal is set. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** The heading it stands below, with others like it. */
  readonly group?: string;
  /** The smallest and the largest of the rounds, where the value is their median. */
  readonly low?: number;
  readonly high?: number;
  /** The largest value that reaches the goal. */
  readonly atMost?: number;
  /** The smallest value that reaches the goal. */
  readonly atLeast?: number;
  readonly note?: string;
}

/** True or false where a goal is set. */
export function reached({ value, atMost, atLeast }: Figure): boolean | undefined {
  if (atMost === undefined && atLeast === undefined) return undefined;
  return value <= (atMost ?? Infinity) && value >= (atLeast ?? -Infinity);
}

/** The value below which a share of the samples lies (nearest rank); NaN without samples. */
export function percentile(samples: readonly number[], share: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? NaN;
}

/** The middle one, or the mean of both in the middle; NaN without samples. */
export function median(samples: readonly number[]): number {
  const sorted = [...samples].sort((a, b) => a - b);
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  return ((low ?? NaN) + (high ?? NaN)) / 2;
}

/** p50, p99 and the largest of a series of durations, ms; the goal is for p99. */
export function spread(name: string, samples: readonly number[], atMost?: number): Figure[] {
  const goal = atMost === undefined ? {} : { atMost };
  return [
    { name: `${name}, p50`, value: percentile(samples, 0.5), unit: 'ms' },
    { name: `${name}, p99`, value: percentile(samples, 0.99), unit: 'ms', ...goal },
    { name: `${name}, largest`, value: percentile(samples, 1), unit: 'ms', note: `${samples.length} times` },
  ];
}

export function mean(samples: readonly number[]): number {
  return samples.reduce((sum, each) => sum + each, 0) / samples.length;
}
