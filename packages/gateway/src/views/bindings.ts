import { HarborError, type Binding, type Credentials } from '@harbor/core';
import { SERVICE_NAME, SERVICE_TAGS, type BindingResource, type BindingsView } from '@harbor/wire';
import { displayName, instanceProtocol, planName } from './services.js';
import type { ViewSources } from './sources.js';

/** The bindings of an application, or all, sorted by the service's name: what its environment is made of. */
export function bindingsView(sources: ViewSources, app: string | undefined): BindingsView {
  const bindings = [...sources.replica.all('binding')]
    .filter((binding) => app === undefined || binding.app === app)
    .flatMap((binding) => {
      const instance = sources.replica.get('instance', binding.instance);
      const credentials = instance && sources.credentials(instance);
      // Without credentials the instance is being deleted, and the binding with it.
      if (!credentials) return [];
      const { id } = instance;
      const about = { id, name: displayName(instance), plan: planName(instance) };
      const service = { ...about, label: SERVICE_NAME, tags: [...SERVICE_TAGS] };
      return [{ id: binding.id, app: binding.app ?? null, service, credentials }];
    });
  return { bindings: bindings.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1)) };
}

/** A binding as the Open Service Broker API answers it. */
export function bindingResource(sources: ViewSources, binding: Binding): BindingResource {
  const instance = sources.replica.get('instance', binding.instance);
  const credentials = instance && sources.credentials(instance);
  if (!credentials) throw new HarborError('HARBOR_SERVICE_NOT_FOUND', 'the instance of this binding is gone');
  const protocol = sources.replica.get('service', instance.id)?.protocol ?? instanceProtocol(instance);
  const hasParameters = Object.keys(binding.parameters).length > 0;
  return {
    credentials,
    endpoints: [endpointOf(credentials, protocol === 'both' ? 'all' : protocol)],
    ...(hasParameters ? { parameters: { ...binding.parameters } } : {}),
  };
}

function endpointOf(credentials: Credentials, protocol: 'tcp' | 'udp' | 'all') {
  return { host: credentials.host, ports: [...(credentials.ports ?? [String(credentials.port)])], protocol };
}

function keyOf(view: { id: string; service: { name: string } }): string {
  return `${view.service.name}\n${view.id}`;
}
