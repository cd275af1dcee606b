import { makeCertificate } from '@harbor/certificates';
import type { Home } from '@harbor/config';
import { CORE_NAME, parseJson, z } from '@harbor/wire';
import { randomBytes } from 'node:crypto';
import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const authority = z.object({ ca: z.string(), certificate: z.string(), key: z.string() });

/** `var/authority.json`, mode 0600, PEM: what other nodes know this core by. */
export type Authority = z.output<typeof authority>;

/** How long its certificates are good. */
const YEARS = 10;

/** What was made before; undefined on a core that never had a node attached. Errors: HARBOR_CONFIG_INVALID. */
export function readAuthority(home: Home): Authority | undefined {
  const path = pathIn(home);
  try {
    return parseJson(authority, readFileSync(path, 'utf8'), 'HARBOR_CONFIG_INVALID', path);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw cause;
  }
}

/**
 * Reads the core's authority, or makes it: a self-signed one that signs one certificate and is then
 * forgotten, so that nobody can sign another. Errors: HARBOR_CONFIG_INVALID where the file is damaged.
 */
export function ensureAuthority(home: Home, now: Date): Authority {
  const known = readAuthority(home);
  if (known) return known;
  const made = makeAuthority(now);
  const path = pathIn(home);
  const temporary = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`;
  writeFileSync(temporary, `${JSON.stringify(made)}\n`, { mode: 0o600, flush: true });
  try {
    // Whoever comes second takes what is there.
    linkSync(temporary, path);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause;
  } finally {
    rmSync(temporary);
  }
  return readAuthority(home) ?? made;
}

function makeAuthority(now: Date): Authority {
  const days = 365 * YEARS;
  const name = `Harbor ${randomBytes(4).toString('hex')}`;
  const signer = makeCertificate({ name, authority: true, days, now });
  const { certificate, key } = makeCertificate({ name: CORE_NAME, names: [CORE_NAME], signer, days, now });
  return { ca: signer.certificate, certificate, key };
}

function pathIn(home: Home): string {
  return join(home.var, 'authority.json');
}
