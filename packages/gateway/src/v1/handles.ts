import type { Binding, Instance } from '@harbor/core';
import { V1_VERSION, type Handle } from '@harbor/wire';
import { planName } from '../views/services.js';
import type { ViewSources } from '../views/sources.js';

/** An instance as a handle; undefined until it has credentials. */
export function instanceHandle(sources: ViewSources, instance: Instance): Handle | undefined {
  const credentials = sources.credentials(instance);
  if (!credentials) return undefined;
  const configuration = { plan: planName(instance), version: V1_VERSION };
  return { service_id: credentials.name, configuration, credentials: { ...credentials } };
}

/** A binding as a handle: that of its instance under an id of its own, with the options it was made with. */
export function bindingHandle(sources: ViewSources, binding: Binding): Handle | undefined {
  const instance = sources.replica.get('instance', binding.instance);
  const handle = instance && instanceHandle(sources, instance);
  if (!handle) return undefined;
  const configuration = { ...handle.configuration, data: { binding_options: { ...binding.parameters } } };
  return { ...handle, service_id: binding.id, configuration };
}

/** The handles of all bindings of an instance. */
export function bindingHandles(sources: ViewSources, instance: Instance): Handle[] {
  return [...sources.replica.all('binding')]
    .filter((binding) => binding.instance === instance.id)
    .flatMap((binding) => bindingHandle(sources, binding) ?? []);
}
