import { HarborError } from '@harbor/core';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** A certificate's file and its key's, below the application's root. */
export interface PairFiles {
  readonly root: string;
  /** `certs/web-https.crt` */
  readonly crt: string;
  readonly key: string;
}

/** Where certificates lie in an application's root; the documents name both. */
export const FOLDERS = ['certs', 'cert'] as const;
/** What a service's pair is called when it has none of its own. */
const SHARED = 'harbor';

/**
 * The pairs of a service: those under its own name, else those under `harbor`. `NAME.crt` comes first and is
 * served where a client asks for no name; `NAME.ANYTHING.crt` stand beside it, each for the names it holds.
 * A certificate without its key is part of the answer: whoever reads it says so.
 * Errors: HARBOR_CERTIFICATE_MISSING with every name looked for.
 */
export function findPairs(root: string, service: string): PairFiles[] {
  const folders = FOLDERS.map((folder) => ({ folder, files: listing(join(root, folder)) }));
  for (const name of [service, SHARED]) {
    for (const { folder, files } of folders) {
      const stems = stemsOf(name, files);
      if (stems.length > 0)
        return stems.map((stem) => ({ root, crt: `${folder}/${stem}.crt`, key: `${folder}/${stem}.key` }));
    }
  }
  const names = lookedFor(service);
  throw new HarborError(
    'HARBOR_CERTIFICATE_MISSING',
    `${service} has no certificate in ${root}; looked for ${names.join(', ')}`,
    { details: { service, root, names } },
  );
}

/** True where a certificate or a key lies under the service's own name; false where that cannot be seen. */
export function hasOwnPair(root: string, service: string): boolean {
  return FOLDERS.some((folder) =>
    ['crt', 'key'].some((kind) => existsSync(join(root, folder, `${service}.${kind}`))),
  );
}

/** Every file a service's pair may be, in the order in which they are looked for. */
export function lookedFor(service: string): string[] {
  return [...new Set([service, SHARED])].flatMap((name) =>
    FOLDERS.map((folder) => `${folder}/${name}.crt with ${folder}/${name}.key`),
  );
}

/** A half pair counts, too, so that it is spoken of and no other certificate is served in its place. */
function stemsOf(name: string, files: readonly string[]): string[] {
  const stems = files.flatMap((file) => /^(.+)\.(?:crt|key)$/.exec(file)?.[1] ?? []);
  const own = new Set(stems.filter((stem) => stem === name || stem.startsWith(`${name}.`)));
  return [...own].sort((a, b) => a.length - b.length || (a < b ? -1 : 1));
}

function listing(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw new HarborError('HARBOR_CERTIFICATE_MISSING', `${folder} cannot be read (${code ?? 'unknown'})`, {
      cause,
    });
  }
}
