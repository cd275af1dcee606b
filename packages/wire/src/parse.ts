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
  return error.issues.slice(0, 20).map((issue) => ({ field: pathOf(issue.path), problem: issue.message }));
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
