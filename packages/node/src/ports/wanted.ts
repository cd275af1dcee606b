import {
  protocolOfName,
  type Asker,
  type Credentials,
  type Service,
  type ServiceParameters,
} from '@harbor/core';

/** What is asked for: a new service, or exactly the one that `credentials` describe. */
export interface Wanted {
  readonly id: string;
  readonly name: string;
  readonly plan: string;
  readonly parameters: ServiceParameters;
  /** Organization, space and name as one word, where it has a name. */
  readonly owner?: string;
  readonly credentials?: Credentials;
}

/** What the service speaks: as asked, or by its name. */
export function protocolOf(wanted: Wanted): Service['protocol'] {
  return wanted.parameters.protocol ?? protocolOfName(wanted.name);
}

/** How many contiguous ports are asked for. */
export function sizeOf({ credentials, parameters }: Wanted): number {
  return credentials?.ports?.length ?? parameters.ports ?? 1;
}

/** Who asks, for a port that cools down. */
export function askerOf({ id, owner }: Wanted): Asker {
  return { id, ...(owner === undefined ? {} : { owner }) };
}
