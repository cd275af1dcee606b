import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runCommand } from './commands.js';

/** The files (PEM) of a server on 127.0.0.1 and of who signed it. */
export interface TestCertificates {
  readonly ca: string;
  /** The text of `ca`. */
  readonly trusted: string;
  readonly cert: string;
  readonly key: string;
}

/** Makes an authority and a certificate for 127.0.0.1 in a directory of the test's own. */
export async function makeCertificates(directory: string): Promise<TestCertificates> {
  const at = (name: string): string => join(directory, name);
  const [ca, caKey, cert, key] = [at('ca.pem'), at('ca.key'), at('server.pem'), at('server.key')];
  const fresh = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  await openssl('req', '-x509', ...fresh, '-subj', '/CN=test ca', '-keyout', caKey, '-out', ca);
  await openssl('req', ...fresh, '-subj', '/CN=test', '-keyout', key, '-out', at('server.csr'));
  writeFileSync(at('names'), 'subjectAltName=IP:127.0.0.1\n');
  const signed = ['-CA', ca, '-CAkey', caKey, '-CAcreateserial', '-extfile', at('names')];
  await openssl('x509', '-req', '-in', at('server.csr'), ...signed, '-out', cert);
  return { ca, trusted: readFileSync(ca, 'utf8'), cert, key };
}

async function openssl(...args: string[]): Promise<void> {
  const { code, stderr } = await runCommand('openssl', args);
  if (code !== 0) throw new Error(`openssl ${args.join(' ')}: ${stderr}`);
}
