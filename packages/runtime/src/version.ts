import { readFileSync } from 'node:fs';

/** The version of this checkout: packages/runtime/dist/src → four levels up. */
export function version(): string {
  const path = new URL('../../../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version;
}
