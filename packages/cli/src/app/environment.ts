import type { Credentials } from '@harbor/core';

/** A service as an application sees it. */
export interface BoundService {
  readonly name: string;
  readonly label: string;
  readonly plan: string;
  readonly tags: readonly string[];
  readonly credentials: Credentials;
}

/** What is known of the instance the environment is for; `harbor env` knows none. */
export interface InstanceFacts {
  readonly id: string;
  readonly index: number;
  /** Where the application serves HTTP, if it does. */
  readonly port?: number | undefined;
  /** The address it listens on. */
  readonly host: string;
  /** What its manifest gives it, MB. */
  readonly memory?: number | undefined;
}

/** The variables an application finds (contract §4). Services come in the order of their names. */
export function environmentOf(
  app: string,
  services: readonly BoundService[],
  instance?: InstanceFacts,
): Record<string, string> {
  const sorted = [...services].sort((a, b) => (a.name < b.name ? -1 : 1));
  return {
    STACKATO_APP_NAME: app,
    STACKATO_APP_NAME_UPCASE: variableName(app),
    STACKATO_SERVICES: JSON.stringify(
      Object.fromEntries(sorted.map(({ name, credentials }) => [name, credentials])),
    ),
    VCAP_SERVICES: JSON.stringify(byLabel(sorted)),
    VCAP_APPLICATION: JSON.stringify(applicationOf(app, instance)),
    ...harborPorts(sorted),
    ...(instance?.port === undefined
      ? {}
      : { PORT: String(instance.port), VCAP_APP_PORT: String(instance.port), VCAP_APP_HOST: instance.host }),
  };
}

/** A name as the middle of a variable's name: upper case, `-` to `_`. */
export function variableName(name: string): string {
  return name.toUpperCase().replaceAll('-', '_');
}

function harborPorts(services: readonly BoundService[]): Record<string, string> {
  const [only] = services;
  if (only && services.length === 1) return { STACKATO_HARBOR: String(only.credentials.int_port) };
  return Object.fromEntries(
    services.map(({ name, credentials }) => [
      `STACKATO_HARBOR_${variableName(name)}`,
      String(credentials.int_port),
    ]),
  );
}

function byLabel(services: readonly BoundService[]): Record<string, BoundService[]> {
  const all: Record<string, BoundService[]> = {};
  for (const { name, label, plan, tags, credentials } of services)
    (all[label] ??= []).push({ name, label, plan, tags, credentials });
  return all;
}

function applicationOf(app: string, instance: InstanceFacts | undefined): object {
  const names = { application_id: app, application_name: app, name: app, application_uris: [], uris: [] };
  if (!instance) return names;
  const { id, index, host, port, memory } = instance;
  return {
    ...names,
    instance_id: id,
    instance_index: index,
    ...(port === undefined ? {} : { host, port }),
    ...(memory === undefined ? {} : { limits: { mem: memory } }),
  };
}
