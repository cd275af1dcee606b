import { FOLDERS, makeCertificate, readCertificates, type Made } from '@harbor/certificates';
import { HarborError } from '@harbor/core';
import { say, sayJson } from '@harbor/terminal';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface NewFlags {
  readonly service: string;
  readonly root: string;
  readonly authority?: boolean;
  readonly ca?: string;
  readonly caKey?: string;
  readonly days: number;
  readonly force?: boolean;
  readonly json?: boolean;
}

const HERE = ['localhost', '127.0.0.1', '::1'];

/** Makes a pair for development. Errors: HARBOR_CERTIFICATE_INVALID, HARBOR_USAGE. */
export function newCertificate(given: readonly string[], flags: NewFlags, now: Date): void {
  const { service, root, authority = false, days } = flags;
  if (!/^[\w.-]+$/.test(service)) throw new HarborError('HARBOR_USAGE', `${service} is no service's name`);
  const names = given.length > 0 ? given : authority ? [`Harbor ${service}`] : HERE;
  const folder = FOLDERS.map((each) => join(root, each)).find(existsSync) ?? join(root, FOLDERS[0]);
  const [crt, key] = [join(folder, `${service}.crt`), join(folder, `${service}.key`)];
  const there = [crt, key].filter(existsSync);
  if (there.length > 0 && !flags.force)
    throw new HarborError(
      'HARBOR_USAGE',
      `${there.join(' and ')} already there; --force puts a new one there`,
    );
  const signer = flags.ca === undefined ? undefined : readSigner(flags.ca, flags.caKey);
  const more = { days, now, authority, ...(signer ? { signer } : {}) };
  const made = makeCertificate({ name: names[0] ?? service, ...(authority ? {} : { names }), ...more });
  mkdirSync(folder, { recursive: true });
  writeFileSync(key, made.key, { mode: 0o600 });
  writeFileSync(crt, made.certificate + between(signer));
  const [certificate] = readCertificates(made.certificate);
  const until = certificate?.until.toISOString().slice(0, 10) ?? '';
  if (flags.json) sayJson({ crt, key, names, until, fingerprint: certificate?.fingerprint });
  else {
    say(`${crt} and ${key}: for ${names.join(', ')}, until ${until}`);
    if (authority) say(`sign with it: harbor certs new NAME --ca ${crt}`);
  }
}

function readSigner(ca: string, caKey = ca.replace(/\.[^./]+$/, '.key')): Made {
  const read = (file: string): string => {
    try {
      return readFileSync(file, 'utf8');
    } catch (cause) {
      throw new HarborError('HARBOR_CERTIFICATE_INVALID', `${file} cannot be read`, { cause });
    }
  };
  const certificate = read(ca);
  if (!readCertificates(certificate)[0]?.authority)
    throw new HarborError('HARBOR_CERTIFICATE_INVALID', `${ca} is no authority: make one with --authority`);
  return { certificate, key: read(caKey) };
}

/** A client knows the root; those between it and the certificate it has to be given. */
function between(signer: Made | undefined): string {
  return readCertificates(signer?.certificate ?? '')
    .filter(({ subject, issuer }) => subject !== issuer)
    .map(({ pem }) => `${pem}\n`)
    .join('');
}
