import forge from 'node-forge';
import { createPrivateKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { isIP } from 'node:net';

/** A certificate and its key, PEM. */
export interface Made {
  readonly certificate: string;
  readonly key: string;
}

export interface Wanted {
  /** The name in its subject. */
  readonly name: string;
  /** Host names and addresses it is for. */
  readonly names?: readonly string[];
  /** It signs others and serves nobody. */
  readonly authority?: boolean;
  /** It may serve although it signs itself, or is signed by this one. */
  readonly signer?: Made;
  /** How long it is good, days. */
  readonly days: number;
  readonly now: Date;
}

/** A certificate is good from a day ago on, for clocks that differ. */
const BEFORE = 86_400_000;

/** Makes a certificate with a new RSA key, signed by itself or by `signer`. */
export function makeCertificate(wanted: Wanted): Made {
  const { name, now, days, signer } = wanted;
  const pair = keyPair();
  const subject = [{ name: 'commonName', value: name }];
  const by = signer && forge.pki.certificateFromPem(signer.certificate);
  const key = signer ? rsaKey(signer.key) : pair.privateKey;
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = pair.publicKey;
  // Positive, as a serial number has to be.
  certificate.serialNumber = `01${randomBytes(15).toString('hex')}`;
  certificate.validity.notBefore = new Date(now.getTime() - BEFORE);
  certificate.validity.notAfter = new Date(now.getTime() + days * 86_400_000);
  certificate.setSubject(subject);
  certificate.setIssuer(by?.subject.attributes ?? subject);
  certificate.setExtensions([...extensions(wanted), { name: 'subjectKeyIdentifier' }, ...signedBy(by)]);
  certificate.sign(key, forge.md.sha256.create());
  return {
    certificate: pem(forge.pki.certificateToPem(certificate)),
    key: pem(forge.pki.privateKeyToPem(pair.privateKey)),
  };
}

function extensions({ authority = false, names = [] }: Wanted): object[] {
  if (authority)
    return [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ];
  const altNames = names.map((each) => (isIP(each) ? { type: 7, ip: each } : { type: 2, value: each }));
  return [
    { name: 'basicConstraints', cA: false, critical: true },
    { name: 'keyUsage', digitalSignature: true, keyEncipherment: true, critical: true },
    { name: 'extKeyUsage', serverAuth: true },
    ...(altNames.length > 0 ? [{ name: 'subjectAltName', altNames }] : []),
  ];
}

/** Names the signer's key, so that clients find it among authorities of the same name. */
function signedBy(signer: forge.pki.Certificate | undefined): object[] {
  const found = signer?.getExtension('subjectKeyIdentifier') as { subjectKeyIdentifier?: string } | undefined;
  const hex = found?.subjectKeyIdentifier;
  return hex === undefined
    ? []
    : [{ name: 'authorityKeyIdentifier', keyIdentifier: forge.util.hexToBytes(hex) }];
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

/** A signer's key in the form that forge reads, whatever it was written in. */
function rsaKey(key: string): forge.pki.rsa.PrivateKey {
  return forge.pki.privateKeyFromPem(
    createPrivateKey(key).export({ type: 'pkcs1', format: 'pem' }).toString(),
  );
}

/** forge ends lines as Windows does. */
function pem(text: string): string {
  return text.replaceAll('\r\n', '\n');
}
