import type { ViewSources } from '../views/sources.js';

/** What somebody knows of: services by name, bindings by `bindingKey`. */
export interface KnownHandles {
  readonly instances: ReadonlySet<string>;
  readonly bindings: ReadonlySet<string>;
}

/** A handle as the cloud controller tells it. */
export interface ForeignHandle {
  readonly service_id: string;
  readonly credentials?: ForeignCredentials | null | undefined;
}

type ForeignCredentials = { readonly name?: string | null | undefined } & Readonly<Record<string, unknown>>;

/**
 * What tells a binding of others: its service and its user. Not its addresses, for a node that is reached
 * elsewhere now still has the same bindings.
 */
export function bindingKey(credentials: ForeignCredentials): string {
  const user = credentials.username ?? credentials.user;
  return JSON.stringify([credentials.name ?? '', typeof user === 'string' ? user : '']);
}

/** Everything the shared state knows, intents too, and what the cloud controller named. */
export function knownHandles(sources: ViewSources, foreign: readonly ForeignHandle[]): KnownHandles {
  const instances = new Set<string>();
  const bindings = new Set<string>();
  for (const { id, credentials } of sources.replica.all('instance')) {
    instances.add(id);
    if (!credentials) continue;
    instances.add(credentials.name);
    bindings.add(bindingKey({ ...credentials }));
  }
  for (const { service_id, credentials } of foreign) {
    instances.add(service_id);
    if (!credentials) continue;
    if (credentials.name != null) instances.add(credentials.name);
    bindings.add(bindingKey(credentials));
  }
  return { instances, bindings };
}
