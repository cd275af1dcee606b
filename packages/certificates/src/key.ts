import { createPrivateKey, type KeyObject } from 'node:crypto';

/** Why a key cannot be read: for each there is another thing to do. */
export type KeyFault = 'none' | 'encrypted' | 'passphrase' | 'damaged';

const BLOCK = /-----BEGIN ((?:[A-Z0-9]+ )*)PRIVATE KEY-----[^]*?-----END \1PRIVATE KEY-----/;

/** The text of the first private key in a PEM text. */
export function keyBlock(text: string): string | undefined {
  return BLOCK.exec(text)?.[0];
}

export function isEncrypted(block: string): boolean {
  return /BEGIN ENCRYPTED |Proc-Type: 4,ENCRYPTED/.test(block);
}

/** Reads the first private key of a PEM text, RSA or elliptic, PKCS #1, #8 or SEC 1, encrypted or not. */
export function readKey(text: string, passphrase?: string): KeyObject | KeyFault {
  const block = keyBlock(text);
  if (block === undefined) return 'none';
  const encrypted = isEncrypted(block);
  if (encrypted && passphrase === undefined) return 'encrypted';
  try {
    return createPrivateKey({ key: block, format: 'pem', ...(encrypted ? { passphrase } : {}) });
  } catch {
    // OpenSSL cannot tell a wrong passphrase from a damaged key that is encrypted.
    return encrypted ? 'passphrase' : 'damaged';
  }
}
