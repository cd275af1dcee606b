import { parseJson, z } from '@harbor/wire';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readCore } from './core-file.js';
import type { Home } from './home.js';

/** What a machine does: `core` has the servers and the gateway of a cluster, `harbor` serves ports. */
export const ROLES = ['core', 'harbor'] as const;

export type RoleName = (typeof ROLES)[number];

const rolesRecord = z.object({ harbor: z.boolean() });

/**
 * The roles of a home: an attached one is no core, and any serves ports unless that was taken from it.
 * Errors: HARBOR_CONFIG_INVALID where `var/roles.json` or `var/core.json` is damaged.
 */
export function rolesOf(home: Home): RoleName[] {
  const without = [...(readCore(home) ? ['core'] : []), ...(servesPorts(home) ? [] : ['harbor'])];
  return ROLES.filter((role) => !without.includes(role));
}

/** Remembers whether a home has the role `harbor`: whole or not at all. */
export function writeHarborRole(home: Home, harbor: boolean): void {
  const path = pathIn(home);
  writeFileSync(`${path}.new`, `${JSON.stringify({ harbor })}\n`, { mode: 0o600, flush: true });
  renameSync(`${path}.new`, path);
}

function servesPorts(home: Home): boolean {
  const path = pathIn(home);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return true;
    throw cause;
  }
  return parseJson(rolesRecord, text, 'HARBOR_CONFIG_INVALID', path).harbor;
}

function pathIn(home: Home): string {
  return join(home.var, 'roles.json');
}
