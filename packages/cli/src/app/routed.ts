import { formatAddress, type Transport } from '@harbor/core';
import type { Address } from '../dea/berth.js';
import type { GatewayClient } from '../gateway/client.js';

/**
 * Whether Harbor sends clients of a service to an address. Where nobody can be asked it is taken for granted:
 * what was announced is heard without the gateway, too.
 */
export async function isRouted(
  gateway: Pick<GatewayClient, 'explain'>,
  service: string,
  { transport, host, port }: Address & { readonly transport: Transport },
): Promise<boolean> {
  try {
    const { backends, unavailable } = await gateway.explain(service);
    if (unavailable.length > 0) return true;
    const address = formatAddress({ host, port });
    const found = backends.find((each) => each.transport === transport && each.address === address);
    return found !== undefined && found.health !== 'unknown';
  } catch {
    return true;
  }
}
