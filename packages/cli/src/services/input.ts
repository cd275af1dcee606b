import { HarborError } from '@harbor/core';
import { parse, z } from '@harbor/wire';
import { readFileSync } from 'node:fs';

/** The parameters of `-c`: JSON, or `@FILE` with JSON in it. Errors: HARBOR_USAGE. */
export function readParameters(text: string | undefined): Record<string, unknown> | undefined {
  if (text === undefined) return undefined;
  const json = text.startsWith('@') ? readText(text.slice(1)) : text;
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new HarborError('HARBOR_USAGE', `-c wants JSON, like '{"protocol":"udp"}': ${reason}`, { cause });
  }
  return parse(z.record(z.string(), z.unknown()), value, 'HARBOR_USAGE', '-c wants a JSON object');
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    const { code = String(cause) } = cause as NodeJS.ErrnoException;
    const reason = code === 'ENOENT' ? 'is not there' : `cannot be read: ${code}`;
    throw new HarborError('HARBOR_USAGE', `-c wants JSON or @FILE, and ${path || 'FILE'} ${reason}`, {
      cause,
    });
  }
}
