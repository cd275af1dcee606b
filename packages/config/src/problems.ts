import { HarborError } from '@harbor/core';
import { allowedBy } from './formats.js';
import type { KeyDescription } from './schema.js';

/** One value that is not allowed. */
export interface ConfigProblem {
  /** `component.key`, or where in the file. */
  readonly key: string;
  /** Where the value came from: the variable, the command or the file. */
  readonly source: string;
  /** Left out for secrets. */
  readonly value?: unknown;
  readonly allowed: string;
}

/** What is wrong with a value of a key. */
export function notAllowed(key: KeyDescription, source: string, value: unknown): ConfigProblem {
  return {
    key: key.id,
    source,
    ...(key.sensitive ? {} : { value }),
    allowed: `must be ${allowedBy(key.format)}`,
  };
}

/** All problems in one error, one line each. */
export function configError(problems: readonly ConfigProblem[]): HarborError {
  const lines = problems.map(({ key, source, allowed, ...rest }) => {
    const value = 'value' in rest ? `${JSON.stringify(rest.value)} ` : '';
    return `  ${key}: ${value}${allowed} (${source})`;
  });
  const count = problems.length === 1 ? 'one value' : `${problems.length} values`;
  return new HarborError(
    'HARBOR_CONFIG_INVALID',
    `${count} of the configuration cannot be used:\n${lines.join('\n')}`,
    {
      details: { problems },
    },
  );
}

/** The closest of the known words, for "did you mean"; undefined where none is close. */
export function closest(word: string, known: readonly string[]): string | undefined {
  const [best] = known
    .map((each) => ({ each, distance: editDistance(word.toLowerCase(), each) }))
    .sort((a, b) => a.distance - b.distance);
  return best && best.distance <= Math.max(2, Math.floor(word.length / 3)) ? best.each : undefined;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
