import type { Home } from '@harbor/config';
import { CORE_NAME, parseJson, z } from '@harbor/wire';
import forge from 'node-forge';
import { createHash, generateKeyPairSync, randomBytes, X509Certificate } from 'node:crypto';
import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const authority = z.object({ ca: z.string(), certificate: z.string(), key: z.string() });

/** `var/authority.json`, mode 0600, PEM: what other nodes know this core by. */
export type Authority = z.output<typeof authority>;

/** A certificate is good from a day ago, for clocks that differ, on; years. */
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

/** What tells an authority from every other: SHA-256 of its certificate, base64url. */
export function fingerprintOf(ca: string | Buffer): string {
  return createHash('sha256').update(new X509Certificate(ca).raw).digest('base64url');
}

function makeAuthority(now: Date): Authority {
  const signer = keyPair();
  const server = keyPair();
  const issuer = [{ name: 'commonName', value: `Harbor ${randomBytes(4).toString('hex')}` }];
  const subject = [{ name: 'commonName', value: CORE_NAME }];
  const ca = sign({ subject: issuer, issuer, publicKey: signer.publicKey, key: signer.privateKey, now }, [
    { name: 'basicConstraints', cA: true, critical: true },
    { name: 'keyUsage', keyCertSign: true, critical: true },
  ]);
  const certificate = sign({ subject, issuer, publicKey: server.publicKey, key: signer.privateKey, now }, [
    { name: 'basicConstraints', cA: false },
    { name: 'extKeyUsage', serverAuth: true },
    { name: 'subjectAltName', altNames: [{ type: 2, value: CORE_NAME }] },
  ]);
  return { ca, certificate, key: forge.pki.privateKeyToPem(server.privateKey) };
}

interface Certified {
  readonly subject: forge.pki.CertificateField[];
  readonly issuer: forge.pki.CertificateField[];
  readonly publicKey: forge.pki.PublicKey;
  readonly key: forge.pki.rsa.PrivateKey;
  readonly now: Date;
}

function sign({ subject, issuer, publicKey, key, now }: Certified, extensions: object[]): string {
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = publicKey;
  // Positive, as a serial number has to be.
  certificate.serialNumber = `01${randomBytes(15).toString('hex')}`;
  certificate.validity.notBefore = new Date(now.getTime() - 86_400_000);
  certificate.validity.notAfter = new Date(now);
  certificate.validity.notAfter.setFullYear(now.getFullYear() + YEARS);
  certificate.setSubject(subject);
  certificate.setIssuer(issuer);
  certificate.setExtensions(extensions);
  certificate.sign(key, forge.md.sha256.create());
  return forge.pki.certificateToPem(certificate);
}

/** OpenSSL finds primes in a fraction of the time that JavaScript takes. */
function keyPair(): { publicKey: forge.pki.rsa.PublicKey; privateKey: forge.pki.rsa.PrivateKey } {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2_048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
  });
  return {
    publicKey: forge.pki.publicKeyFromPem(publicKey),
    privateKey: forge.pki.privateKeyFromPem(privateKey),
  };
}

function pathIn(home: Home): string {
  return join(home.var, 'authority.json');
}
