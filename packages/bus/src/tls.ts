import { isIP } from 'node:net';
import { checkServerIdentity, type PeerCertificate } from 'node:tls';

/** How the servers of a bus are known by their certificates. */
export interface TlsAccess {
  readonly servers: readonly string[];
  /** The certificates (PEM) that servers have to be signed by; those Node.js knows where it is left out. */
  readonly ca?: string;
}

/** What Node.js checks a certificate for where it is told no name. */
const NAMELESS = 'localhost';

/**
 * The options of TLS for the client of NATS. It tells Node.js the name of a server, and nothing where the server is
 * named by its address: such a certificate has to be for one of the addresses that are configured.
 */
export function tlsOptions({ servers, ca }: TlsAccess) {
  const addresses = servers.map(hostOf).filter((host) => isIP(host) !== 0);
  return {
    ...(ca === undefined ? {} : { ca }),
    checkServerIdentity(host: string, certificate: PeerCertificate): Error | undefined {
      const refused = checkServerIdentity(host, certificate);
      if (!refused || host !== NAMELESS) return refused;
      const fits = addresses.some((address) => !checkServerIdentity(address, certificate));
      return fits ? undefined : refused;
    },
  };
}

function hostOf(server: string): string {
  return new URL(server).hostname.replace(/^\[(.*)\]$/, '$1');
}
