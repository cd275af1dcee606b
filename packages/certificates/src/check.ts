import type { KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readCertificates, type Certificate } from './certificate.js';
import type { PairFiles } from './find.js';
import { readKey, type KeyFault } from './key.js';

/** What is wrong with a file. An error cannot be served; a warning is, and is spoken of. */
export interface Fault {
  readonly level: 'error' | 'warning';
  /** `expired`, `mismatch`, …: for programs. */
  readonly kind: string;
  readonly file: string;
  /** One sentence: the file, the fault, the fix. */
  readonly message: string;
}

/** A pair of files as it was found. Without errors among the faults it can be served. */
export interface Checked {
  readonly files: PairFiles;
  readonly faults: readonly Fault[];
  /** The server's first, then its signers. */
  readonly chain: readonly Certificate[];
  readonly key: KeyObject | undefined;
}

/** A certificate that ends within this time is spoken of, ms. */
const SOON = 14 * 86_400_000;

export interface CheckOptions {
  readonly now: Date;
  /** Of encrypted keys. */
  readonly passphrase?: string | undefined;
  /** The variable that is to hold it, for the sentence that asks for it. */
  readonly variable?: string;
}

/** Reads a pair and says all that is wrong with it. */
export function checkPair(files: PairFiles, options: CheckOptions): Checked {
  const faults: Fault[] = [];
  const say = (level: Fault['level'], kind: string, file: string, message: string): void => {
    faults.push({ level, kind, file, message: `${file} ${message}` });
  };
  const chain = chainOf(files, say);
  const key = keyOf(files, options, say);
  const [leaf] = chain;
  if (leaf) {
    if (key && !leaf.belongsTo(key)) mismatch(files, chain, key, say);
    order(files.crt, chain, say);
    dates(files.crt, chain, options.now, say);
    names(files.crt, leaf, chain.length === 1, say);
  }
  return { files, faults, chain, key };
}

/** What a day brings, and not a change of the files. */
const DATED = new Set(['expired', 'expires', 'early']);

/** The faults that a pair has at another time than when it was read, whatever its files hold by then. */
export function faultsAt({ files, faults, chain }: Checked, now: Date): Fault[] {
  const all = faults.filter(({ kind }) => !DATED.has(kind));
  dates(files.crt, chain, now, (level, kind, file, message) =>
    all.push({ level, kind, file, message: `${file} ${message}` }),
  );
  return all;
}

export function isServable({ faults }: Pick<Checked, 'faults'>): boolean {
  return faults.every(({ level }) => level !== 'error');
}

type Say = (level: Fault['level'], kind: string, file: string, message: string) => void;

function chainOf({ root, crt, key }: PairFiles, say: Say): Certificate[] {
  const text = contents(root, crt, `put the certificate of ${key} there`, say);
  if (text === undefined) return [];
  try {
    const chain = readCertificates(text);
    if (chain.length === 0)
      say(
        'error',
        'empty',
        crt,
        'holds no certificate: put one there in PEM form (-----BEGIN CERTIFICATE-----)',
      );
    return chain;
  } catch {
    say('error', 'damaged', crt, 'holds a certificate that is damaged: copy it again from where it was made');
    return [];
  }
}

const KEY_FAULTS: Readonly<Record<KeyFault, string>> = {
  none: 'holds no private key: put one there in PEM form (-----BEGIN PRIVATE KEY-----)',
  encrypted: 'is encrypted: give its passphrase in',
  passphrase: 'cannot be decrypted: correct the passphrase in',
  damaged: 'holds a private key that is damaged: copy it again from where it was made',
};

function keyOf({ root, crt, key }: PairFiles, options: CheckOptions, say: Say): KeyObject | undefined {
  const text = contents(root, key, `put the private key of ${crt} there`, say);
  if (text === undefined) return undefined;
  const read = readKey(text, options.passphrase);
  if (typeof read !== 'string') return read;
  const where = read === 'encrypted' || read === 'passphrase' ? ` ${options.variable ?? PASSPHRASE}` : '';
  say('error', read, key, `${KEY_FAULTS[read]}${where}`);
  return undefined;
}

/** Holds the passphrase of encrypted keys; with `_` and the service's name it is for that service alone. */
export const PASSPHRASE = 'HARBOR_HTTPS_PROXY_PASSPHRASE';

function contents(root: string, file: string, fix: string, say: Say): string | undefined {
  try {
    return readFileSync(join(root, file), 'utf8');
  } catch (cause) {
    const { code = 'unknown' } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT') say('error', 'missing', file, `is missing: ${fix}`);
    else say('error', 'unreadable', file, `cannot be read (${code}): let the application's user read it`);
    return undefined;
  }
}

function mismatch({ crt, key }: PairFiles, chain: readonly Certificate[], own: KeyObject, say: Say): void {
  const at = chain.findIndex((each) => each.belongsTo(own));
  if (at > 0)
    say('error', 'order', crt, `has the server's own certificate at place ${at + 1}: move it to the top`);
  else say('error', 'mismatch', key, `is not the key of ${crt}: put the key there that it was made with`);
}

function order(file: string, chain: readonly Certificate[], say: Say): void {
  const broken = chain.findIndex((each, at) => {
    const signer = chain[at + 1];
    return signer !== undefined && !each.signedBy(signer);
  });
  if (broken < 0) return;
  const [signed, other] = [chain[broken]?.subject ?? '', chain[broken + 1]?.subject ?? ''];
  const fix = 'put the server’s certificate first and below each one the one that signed it';
  say('error', 'order', file, `has ${signed} above ${other}, which did not sign it: ${fix}`);
}

function dates(file: string, chain: readonly Certificate[], now: Date, say: Say): void {
  for (const { subject, from, until } of chain) {
    const which = chain.length > 1 ? ` (${subject})` : '';
    if (until <= now)
      say('warning', 'expired', file, `expired on ${day(until)}${which}: put a new certificate in its place`);
    else if (until.getTime() - now.getTime() < SOON)
      say('warning', 'expires', file, `expires on ${day(until)}${which}: put a new certificate in its place`);
    if (from > now)
      say('warning', 'early', file, `is good from ${day(from)} on${which}: check the clock, or wait`);
  }
}

function names(file: string, leaf: Certificate, alone: boolean, say: Say): void {
  const again = 'make it again with the names that clients use as subjectAltName';
  if (leaf.names.length === 0) say('warning', 'names', file, `names no host: ${again}`);
  else if (!leaf.named) say('warning', 'names', file, `names ${leaf.names[0]} in its subject only: ${again}`);
  if (leaf.weak)
    say('warning', 'weak', file, `has a key of ${leaf.key}: make it again with 2048 bits or more`);
  if (leaf.authority && !alone)
    say('warning', 'authority', file, 'begins with an authority: put the server’s own certificate first');
}

function day(date: Date): string {
  return date.toISOString().slice(0, 10);
}
