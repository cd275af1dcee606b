import { isEncrypted, keyBlock, keyName, readCertificates, readKey } from '@harbor/certificates';
import { HarborError } from '@harbor/core';
import { say, sayJson } from '@harbor/terminal';
import { readFileSync } from 'node:fs';

/** Prints what PEM files hold. Errors: HARBOR_CERTIFICATE_INVALID where one cannot be read. */
export function showFiles(files: readonly string[], { json }: { readonly json?: boolean }): void {
  const all = files.map(contentsOf);
  if (json) {
    sayJson(all);
    return;
  }
  for (const { file, certificates, key } of all) {
    say(file);
    for (const each of certificates) {
      say(`  certificate  ${each.subject}${each.authority ? ' (an authority)' : ''}`);
      say(`    for        ${each.names.join(', ')}`);
      say(`    signed by  ${each.issuer === each.subject ? 'itself' : each.issuer}`);
      say(`    good       ${each.from} to ${each.until}`);
      say(`    key        ${each.key}`);
      say(`    SHA-256    ${each.fingerprint}`);
    }
    if (key !== undefined) say(`  private key  ${key}`);
    if (certificates.length === 0 && key === undefined) say('  neither a certificate nor a private key');
  }
}

function contentsOf(file: string) {
  try {
    const text = readFileSync(file, 'utf8');
    const certificates = readCertificates(text).map((each) => ({
      subject: each.subject,
      issuer: each.issuer,
      names: each.names,
      from: each.from.toISOString(),
      until: each.until.toISOString(),
      authority: each.authority,
      key: each.key,
      fingerprint: each.fingerprint,
    }));
    const key = describeKey(text);
    return { file, certificates, ...(key === undefined ? {} : { key }) };
  } catch (cause) {
    const { code = 'it is damaged' } = cause as NodeJS.ErrnoException;
    throw new HarborError('HARBOR_CERTIFICATE_INVALID', `${file} cannot be read: ${code}`, { cause });
  }
}

function describeKey(text: string): string | undefined {
  const block = keyBlock(text);
  if (block === undefined) return undefined;
  if (isEncrypted(block)) return 'encrypted';
  const key = readKey(text);
  return typeof key === 'string' ? key : keyName(key);
}
