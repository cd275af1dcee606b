import forge from 'node-forge';
import { createPublicKey, X509Certificate, type KeyObject } from 'node:crypto';

/** What a certificate says, and whose it is. */
export interface Certificate {
  readonly pem: string;
  readonly subject: string;
  readonly issuer: string;
  /** The names and addresses it is for. */
  readonly names: readonly string[];
  /** Its names stand where clients look for them (subjectAltName), not only in its subject. */
  readonly named: boolean;
  readonly from: Date;
  readonly until: Date;
  /** It may sign others. */
  readonly authority: boolean;
  /** `RSA 2048`, `EC prime256v1`, `ED25519`. */
  readonly key: string;
  /** RSA keys below 2048 bits can be broken. */
  readonly weak: boolean;
  /** SHA-256, as openssl prints it. */
  readonly fingerprint: string;
  belongsTo(key: KeyObject): boolean;
  signedBy(signer: Certificate): boolean;
}

const BLOCK =
  /-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----[^-]*-----END (?:X509 |TRUSTED )?CERTIFICATE-----/g;

/** The certificates of a PEM text in the order they stand there. Throws what OpenSSL says of a damaged one. */
export function readCertificates(text: string): Certificate[] {
  return (text.match(BLOCK) ?? []).map(read);
}

/**
 * node-forge reads a certificate with an RSA key and node:crypto any other: forge knows no elliptic curves
 * (docs/adr/certificates.md).
 */
function read(pem: string): Certificate {
  const x509 = new X509Certificate(pem);
  const parsed = x509.publicKey.asymmetricKeyType === 'rsa' ? byForge(pem) : undefined;
  const names = parsed ? forgeNames(parsed) : cryptoNames(x509);
  const common = /(?:^|\n)CN=([^\n]+)/.exec(x509.subject)?.[1];
  return {
    pem,
    subject: oneLine(x509.subject),
    issuer: oneLine(x509.issuer),
    names: names.length > 0 || common === undefined ? names : [common],
    named: names.length > 0,
    from: parsed?.validity.notBefore ?? new Date(x509.validFrom),
    until: parsed?.validity.notAfter ?? new Date(x509.validTo),
    authority: x509.ca,
    key: keyName(x509.publicKey),
    weak: (x509.publicKey.asymmetricKeyDetails?.modulusLength ?? 2_048) < 2_048,
    fingerprint: x509.fingerprint256,
    belongsTo: (key) => (parsed ? sameModulus(parsed, key) : x509.checkPrivateKey(key)),
    signedBy: (signer) => {
      const other = new X509Certificate(signer.pem);
      return x509.checkIssued(other) && x509.verify(other.publicKey);
    },
  };
}

function byForge(pem: string): forge.pki.Certificate | undefined {
  try {
    return forge.pki.certificateFromPem(pem);
  } catch {
    // An RSA key signed by an elliptic one, or with parameters that forge does not know.
    return undefined;
  }
}

interface AltName {
  readonly type: number;
  readonly value: string;
  readonly ip?: string;
}

/** DNS names are type 2 and addresses type 7 (RFC 5280, 4.2.1.6). */
function forgeNames(certificate: forge.pki.Certificate): string[] {
  const extension = certificate.getExtension('subjectAltName') as { altNames?: AltName[] } | undefined;
  return (extension?.altNames ?? []).flatMap(({ type, value, ip }) =>
    type === 2 ? [value] : type === 7 ? [ip ?? value] : [],
  );
}

function cryptoNames({ subjectAltName = '' }: X509Certificate): string[] {
  return subjectAltName.split(', ').flatMap((each) => /^(?:DNS|IP Address):(.+)$/.exec(each)?.[1] ?? []);
}

function sameModulus(certificate: forge.pki.Certificate, key: KeyObject): boolean {
  if (key.asymmetricKeyType !== 'rsa') return false;
  const pem = createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString();
  const ours = forge.pki.publicKeyFromPem(pem);
  const theirs = certificate.publicKey as forge.pki.rsa.PublicKey;
  return ours.n.equals(theirs.n) && ours.e.equals(theirs.e);
}

/** What a key is, for people. */
export function keyName(key: KeyObject): string {
  const { modulusLength, namedCurve } = key.asymmetricKeyDetails ?? {};
  const more = modulusLength ?? namedCurve;
  return [key.asymmetricKeyType?.toUpperCase() ?? 'unknown', ...(more === undefined ? [] : [more])].join(' ');
}

function oneLine(name: string): string {
  return name.split('\n').join(', ');
}
