import {
  FOLDERS,
  keyName,
  makeCertificate,
  readCertificates,
  readKey,
  type Certificate,
  type Made,
} from '@harbor/certificates';
import { shellWord, HarborError } from '@harbor/core';
import { say, sayJson } from '@harbor/terminal';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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
  // A file that is there keeps its mode when it is written.
  rmSync(key, { force: true });
  writeFileSync(key, made.key, { mode: 0o600 });
  writeFileSync(crt, made.certificate + between(signer));
  const [certificate] = readCertificates(made.certificate);
  const until = certificate?.until.toISOString().slice(0, 10) ?? '';
  if (flags.json) sayJson({ crt, key, names, until, fingerprint: certificate?.fingerprint });
  else {
    say(`${crt} and ${key}: for ${names.join(', ')}, until ${until}`);
    if (authority) say(`sign with it: harbor certs new NAME --ca ${shellWord(crt)}`);
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
  const refuse = (reason: string): never => {
    throw new HarborError('HARBOR_CERTIFICATE_INVALID', reason);
  };
  const pair = { certificate: read(ca), key: read(caKey) };
  const authority = authorityIn(pair.certificate);
  if (!authority?.authority) return refuse(`${ca} is no authority: make one with --authority`);
  const key = readKey(pair.key);
  if (key === 'encrypted')
    return refuse(`${caKey} is encrypted: give it as openssl pkey -in ${caKey} prints it`);
  if (typeof key === 'string') return refuse(`${caKey} holds no private key that can be read`);
  if (!authority.belongsTo(key)) return refuse(`${caKey} is not the key of ${ca}`);
  if (key.asymmetricKeyType !== 'rsa')
    return refuse(`${ca} has a key of ${keyName(key)}: harbor certs new signs with RSA alone`);
  return pair;
}

function authorityIn(text: string): Certificate | undefined {
  try {
    return readCertificates(text)[0];
  } catch {
    // It is damaged: no authority either.
    return undefined;
  }
}

/** A client knows the root; those between it and the certificate it has to be given. */
function between(signer: Made | undefined): string {
  return readCertificates(signer?.certificate ?? '')
    .filter(({ subject, issuer }) => subject !== issuer)
    .map(({ pem }) => `${pem}\n`)
    .join('');
}
