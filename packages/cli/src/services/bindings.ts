import { shellQuoted, shellWord, HarborError } from '@harbor/core';
import { note, say, sayJson } from '@harbor/terminal';
import type { BindingView } from '@harbor/wire';
import { environmentOf, type BoundService } from '../app/environment.js';
import type { GatewayClient } from '../gateway/client.js';

/** `harbor bind-service`: binding again what is bound changes nothing. */
export async function bindService(gateway: GatewayClient, app: string, name: string): Promise<void> {
  const service = await gateway.service(name);
  if (service.bindings.includes(app)) {
    say(`${name} is already bound to ${app}`);
    return;
  }
  await gateway.bind(app, service);
  say(`bound ${name} to ${app}; the next start of ${app} sees it (harbor env ${shellWord(app)})`);
}

/** `harbor unbind-service` */
export async function unbindService(gateway: GatewayClient, app: string, name: string): Promise<void> {
  const service = await gateway.service(name);
  const bindings = (await gateway.bindings(app)).filter((each) => each.service.id === service.id);
  if (bindings.length === 0)
    throw new HarborError('HARBOR_SERVICE_NOT_FOUND', `${name} is not bound to ${app}`);
  for (const { id } of bindings) await gateway.unbind(service, id);
  say(`unbound ${name} from ${app}`);
}

/** `harbor env` */
export async function showEnvironment(
  gateway: GatewayClient,
  app: string,
  form: { readonly json?: boolean; readonly export?: boolean },
): Promise<void> {
  const bindings = await gateway.bindings(app);
  if (bindings.length === 0)
    note(`nothing is bound to ${app}; bind a service with: harbor bind-service ${shellWord(app)} NAME`);
  const all = environmentOf(app, bindings.map(boundService));
  if (form.json) sayJson(all);
  else if (form.export) exportAll(all);
  else for (const [name, value] of Object.entries(all)) say(`${name}=${value}`);
}

/** Lines that any POSIX shell reads; a name that none can have would end its reading. */
function exportAll(all: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(all))
    if (/^[A-Z_][A-Z0-9_]*$/.test(name)) say(`export ${name}=${shellQuoted(value)}`);
    else note(`${name} is left out: no shell has variables of that name; see STACKATO_SERVICES`);
}

/** A binding as the application sees it. */
export function boundService({ service, credentials }: BindingView): BoundService {
  const { name, label, plan, tags } = service;
  return { name, label, plan, tags, credentials };
}
