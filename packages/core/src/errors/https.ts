import type { ErrorEntry } from './entry.js';

/** What can go wrong where an application gets HTTPS at its port. */
export const HTTPS_ERRORS = {
  HARBOR_CERTIFICATE_MISSING: {
    status: 404,
    summary: 'No certificate with its key is where the HTTPS proxy looks for them.',
    remedy: 'Put them under one of the names listed, or make a pair: harbor certs new --help',
  },
  HARBOR_CERTIFICATE_INVALID: {
    status: 400,
    summary: 'A certificate or its key cannot be served.',
    remedy: 'Correct each file named as its line says; look into it with: harbor certs show FILE',
  },
} as const satisfies Readonly<Record<string, ErrorEntry>>;
