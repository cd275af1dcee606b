import { blockOf, type Credentials } from '@harbor/core';

/** What web applications listen on where nobody tells them. */
const HTTP = 8_080;

/**
 * The ports inside an instance's network: int_port for each service, and one for HTTP. Services of
 * different nodes may have the same int_port; there the later one gets the next that is free.
 */
export function insidePorts(
  services: readonly { readonly credentials: Pick<Credentials, 'int_port' | 'ports'> }[],
  http: boolean,
): { readonly listens: readonly number[]; readonly httpPort?: number } {
  const used = new Set<number>();
  const take = (wanted: number, count: number): number => {
    let first = wanted;
    while (blockOf(first, count).some((port) => used.has(port))) first++;
    for (const port of blockOf(first, count)) used.add(port);
    return first;
  };
  const listens = services.map(({ credentials }) =>
    take(credentials.int_port, credentials.ports?.length ?? 1),
  );
  return http ? { listens, httpPort: take(HTTP, 1) } : { listens };
}
