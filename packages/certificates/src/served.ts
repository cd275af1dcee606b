import type { Clock } from '@harbor/core';
import { constants } from 'node:crypto';
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';
import type { Certificate } from './certificate.js';
import { checkPair, faultsAt, isServable, PASSPHRASE, type Checked, type Fault } from './check.js';
import { findPairs } from './find.js';

/** What is served: a context for each pair, and which names lead to which. */
export interface Served {
  /** For clients that ask for no name, or for one that no certificate holds. */
  readonly context: SecureContext;
  /** The same as a server takes it. */
  readonly options: SecureContextOptions;
  readonly faults: readonly Fault[];
  readonly leaves: readonly { readonly file: string; readonly certificate: Certificate }[];
  /** The same while the same certificates and signers are served. */
  readonly print: string;
  /** The context for a host name a client asks for (SNI). */
  contextFor(name: string): SecureContext;
  /** The faults that what is served has by now, whatever lies in its place. */
  faultsAt(now: Date): readonly Fault[];
}

export interface ServeOptions {
  readonly root: string;
  readonly service: string;
  readonly env: NodeJS.ProcessEnv;
  readonly clock: Clock;
}

/** Everything that is wrong with the files of a service; nothing of it can be served. */
export class Unservable extends Error {
  constructor(readonly faults: readonly Fault[]) {
    super(faults.map(({ message }) => message).join('; '));
  }
}

/**
 * Reads and checks the pairs of a service. Errors: HARBOR_CERTIFICATE_MISSING; Unservable where a pair has a
 * fault that keeps it from being served.
 */
export function loadServed(options: ServeOptions): Served {
  const checked = checkService(options);
  const faults = checked.flatMap((each) => each.faults);
  if (!checked.every(isServable)) throw new Unservable(faults);
  const all = checked.map((each) => {
    const pem = optionsOf(each);
    return { each, pem, context: createSecureContext(pem) };
  });
  const [first] = all;
  if (!first) throw new Unservable(faults);
  const byName = new Map<string, SecureContext>();
  for (const { each, context } of all)
    for (const name of each.chain[0]?.names ?? [])
      if (!byName.has(name.toLowerCase())) byName.set(name.toLowerCase(), context);
  return {
    context: first.context,
    options: first.pem,
    faults,
    faultsAt: (now) => checked.flatMap((each) => faultsAt(each, now)),
    leaves: checked.flatMap(({ files, chain: [certificate] }) =>
      certificate ? [{ file: files.crt, certificate }] : [],
    ),
    print: checked.flatMap(({ files, chain }) => [files.crt, ...chain.map(({ pem }) => pem)]).join('\n'),
    contextFor(name) {
      const host = name.toLowerCase();
      // A wildcard stands for one label (RFC 6125, 6.4.3).
      return byName.get(host) ?? byName.get(host.replace(/^[^.]+/, '*')) ?? first.context;
    },
  };
}

/** Reads the pairs of a service and says what is wrong with each. Errors: HARBOR_CERTIFICATE_MISSING. */
export function checkService({ root, service, env, clock }: ServeOptions): Checked[] {
  const variable = `${PASSPHRASE}_${service.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')}`;
  const passphrase = env[variable] ?? env[PASSPHRASE];
  return findPairs(root, service).map((files) =>
    checkPair(files, {
      now: new Date(clock.now()),
      passphrase,
      variable: env[variable] === undefined ? PASSPHRASE : variable,
    }),
  );
}

/** As Mozilla's intermediate profile has them: forward secret and authenticated, nothing else. */
const CIPHERS = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
];

/** How clients may speak TLS. */
export const TLS = {
  minVersion: 'TLSv1.2',
  maxVersion: 'TLSv1.3',
  ciphers: CIPHERS.join(':'),
  ecdhCurve: 'X25519:prime256v1:secp384r1',
  honorCipherOrder: true,
} as const;

function optionsOf({ chain, key }: Checked): SecureContextOptions {
  return {
    ...TLS,
    // A client that negotiates anew and anew costs much and gains nothing.
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
    cert: chain.map(({ pem }) => pem).join('\n'),
    key: key?.export({ type: 'pkcs8', format: 'pem' }) ?? '',
  };
}
