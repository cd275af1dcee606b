import { HarborError, type ErrorCode } from '@harbor/core';
import type { z } from 'zod';

/** One thing that is wrong with a wire form: where (`backends[0].port`, '' for the whole) and what. */
export interface Problem {
  readonly field: string;
  readonly problem: string;
}

/**
 * Checks a value against a schema. What does not fit is a HarborError of `code` that names every field
 * at fault; it never repeats the value, which may be a secret or a megabyte.
 */
export function parse<T>(schema: z.ZodType<T>, value: unknown, code: ErrorCode, what: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const problems = problemsOf(result.error);
  throw new HarborError(code, `${what}: ${describe(problems)}`, { details: { problems } });
}

/** The same for JSON text. */
export function parseJson<T>(schema: z.ZodType<T>, text: string, code: ErrorCode, what: string): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new HarborError(code, `${what}: not JSON`, { cause });
  }
  return parse(schema, value, code, what);
}

function problemsOf(error: z.ZodError): Problem[] {
  return error.issues.slice(0, 20).map((issue) => ({ field: pathOf(issue.path), problem: sentence(issue) }));
}

/** What is wrong, as a person says it: the library's own words are for programmers. */
function sentence(issue: z.core.$ZodIssue): string {
  // A schema's own words go before ours.
  if (!/^(Invalid|Too|Unrecognized)/.test(issue.message)) return issue.message;
  switch (issue.code) {
    case 'invalid_value':
      return `must be ${issue.values.map(String).join(' or ')}`;
    case 'invalid_type':
      // The value itself is not kept with the issue; only the library's words tell that there was none.
      return issue.message.endsWith('received undefined')
        ? 'is missing'
        : `must be ${KINDS[issue.expected] ?? issue.expected}`;
    case 'too_small':
      return bound('at least', issue.minimum, issue.origin);
    case 'too_big':
      return bound('at most', issue.maximum, issue.origin);
    default:
      return issue.message;
  }
}

const KINDS: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
};

function bound(which: string, size: number | bigint, origin: string): string {
  if (origin === 'string')
    return size === 1 && which === 'at least' ? 'must not be empty' : `must have ${which} ${size} characters`;
  if (origin === 'array' || origin === 'set') return `must have ${which} ${size} entries`;
  return `must be ${which} ${size}`;
}

function describe(problems: readonly Problem[]): string {
  return problems.map(({ field, problem }) => (field ? `${field}: ${problem}` : problem)).join('; ');
}

function pathOf(path: readonly PropertyKey[]): string {
  return path.reduce<string>((sofar, part) => {
    if (typeof part === 'number') return `${sofar}[${part}]`;
    const name = String(part).slice(0, 64);
    return sofar ? `${sofar}.${name}` : name;
  }, '');
}
