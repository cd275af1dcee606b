import { HarborError } from '@harbor/core';
import { CORE_CHANNELS, CORE_NAME, type CoreChannel, type CoreRecord } from '@harbor/wire';
import { once } from 'node:events';
import { connect, type TLSSocket } from 'node:tls';
import { fingerprintOf } from './token.js';

/** How long a core may take to answer, ms. */
const PATIENCE = 10_000;

export type CoreAddress = Pick<CoreRecord, 'host' | 'port'>;

/** A connection to a core whose certificate its authority has signed; it is up at `secureConnect`. */
export function dialCore(
  { host, port, ca }: CoreAddress & { readonly ca: string },
  channel: CoreChannel,
): TLSSocket {
  return connect({
    ...{ host, port, ca, servername: CORE_NAME, minVersion: 'TLSv1.2' },
    ALPNProtocols: [CORE_CHANNELS[channel]],
  });
}

/**
 * The certificate of the core's authority, as the core itself shows it: nothing is said to it before, and
 * only the authority with the fingerprint is taken.
 * Errors: HARBOR_CORE_UNAVAILABLE, HARBOR_CORE_UNTRUSTED.
 */
export async function fetchAuthority(address: CoreAddress, fingerprint: string): Promise<string> {
  const { host, port } = address;
  // Nobody is trusted yet. What is shown here counts by its fingerprint alone.
  const socket = connect({
    host,
    port,
    servername: CORE_NAME,
    rejectUnauthorized: false,
    ALPNProtocols: [CORE_CHANNELS.join],
  });
  try {
    await connected(socket, address);
    for (let shown = socket.getPeerX509Certificate(); shown; shown = shown.issuerCertificate)
      if (fingerprintOf(shown.raw) === fingerprint) return shown.toString();
    const message = `who answers at ${host}:${port} is not the core that made the token: its fingerprint differs`;
    throw new HarborError('HARBOR_CORE_UNTRUSTED', message);
  } finally {
    socket.destroy();
  }
}

/** Resolves when the connection is up. Errors: HARBOR_CORE_UNAVAILABLE, HARBOR_CORE_UNTRUSTED. */
export async function connected(socket: TLSSocket, { host, port }: CoreAddress): Promise<void> {
  try {
    await once(socket, 'secureConnect', { signal: AbortSignal.timeout(PATIENCE) });
  } catch (cause) {
    socket.destroy();
    const { code = '', message } = cause as NodeJS.ErrnoException;
    if (/CERT|SELF_SIGNED|VERIFY|ALTNAME/.test(code))
      throw new HarborError('HARBOR_CORE_UNTRUSTED', `${host}:${port} is not the core: ${message}`, {
        cause,
      });
    throw new HarborError('HARBOR_CORE_UNAVAILABLE', `no core answers at ${host}:${port}: ${message}`, {
      cause,
    });
  }
}
