import { HarborError } from '@harbor/core';
import type { CoreRecord } from '@harbor/wire';
import convict from 'convict';
import { isOfTheNode } from './core-file.js';
import { readConfigFile } from './file.js';
import { accepts, coerceText } from './formats.js';
import type { Home } from './home.js';
import { closest, configError, notAllowed, type ConfigProblem } from './problems.js';
import { describeKeys, SCHEMA, type KeyDescription, type Settings } from './schema.js';
import type { Secrets } from './secrets.js';

/** What `kato config set` has stored, by `component.key`. */
export type Overlay = Readonly<Record<string, unknown>>;

export interface SettingsInput {
  readonly env: NodeJS.ProcessEnv;
  readonly home: Home;
  readonly overlay?: Overlay;
  readonly secrets: Secrets;
  /** What this machine is like: the first address that is not loopback. */
  readonly defaults: { readonly host: string };
  /** The core this home is attached to. */
  readonly core?: CoreRecord | undefined;
}

/** A value and where it came from. */
interface Sourced {
  readonly value: unknown;
  readonly source: string;
}

/**
 * The settings: environment over `kato config set` over etc/harbor.yaml over the default (contract §1).
 * Errors: HARBOR_CONFIG_INVALID with every problem of every source at once.
 */
export function loadSettings(input: SettingsInput): Settings {
  const file = readConfigFile(input.home);
  const problems: ConfigProblem[] = [...file.problems];
  const chosen: Record<string, Record<string, unknown>> = {};
  for (const key of describeKeys()) {
    const given = sourcesOf(key, input, file.values);
    for (const { value, source } of given) {
      if (!accepts(key.format, value)) problems.push(notAllowed(key, source, value));
    }
    if (given[0]) (chosen[key.component] ??= {})[key.key] = given[0].value;
  }
  if (problems.length > 0) throw configError(problems);
  return complete(chosen, input);
}

/** Which sources name the key, strongest first. */
function sourcesOf(key: KeyDescription, input: SettingsInput, file: ReadonlyMap<string, unknown>): Sourced[] {
  const sources: Sourced[] = [];
  const variable = input.env[key.env];
  if (variable !== undefined)
    sources.push({ value: coerceText(key.format, variable), source: `environment ${key.env}` });
  const stored = input.overlay?.[key.id];
  const shared = !key.bootstrap && !(input.core && isOfTheNode(key.id));
  if (stored !== undefined && shared) sources.push({ value: stored, source: 'kato config set' });
  if (file.has(key.id)) sources.push({ value: file.get(key.id), source: input.home.configFile });
  return sources;
}

function complete(
  chosen: Record<string, Record<string, unknown>>,
  { secrets, defaults, core }: SettingsInput,
): Settings {
  const host = chosen.harbor_node?.host ?? defaults.host;
  const config = convict<Settings>(convictSchema() as unknown as convict.Schema<Settings>);
  config.load({
    harbor_gateway: {
      token: secrets.gateway_token,
      username: secrets.gateway_username,
      password: secrets.gateway_password,
    },
    harbor_node: { host, hostname: host },
    harbor_redis: { url: core?.access.redis_url ?? null },
    nats_server: { url: core?.access.nats_url ?? null },
  });
  config.load(chosen);
  config.validate({ allowed: 'strict' });
  return config.getProperties();
}

/** `env` is not among it: the sources are read above, where all errors of all of them are gathered. */
function convictSchema(): Record<string, Record<string, object>> {
  const schema: Record<string, Record<string, object>> = {};
  for (const { component, key, doc, format, default: value } of describeKeys()) {
    (schema[component] ??= {})[key] = { doc, format, default: value };
  }
  return schema;
}

/** The key, or HARBOR_CONFIG_UNKNOWN with the closest one. */
export function findKey(component: string, key: string): KeyDescription {
  const keys = describeKeys();
  const found = keys.find((each) => each.component === component && each.key === key);
  if (found) return found;
  const inside = keys.filter((each) => each.component === component);
  const guess =
    inside.length > 0
      ? closest(
          key,
          inside.map((each) => each.key),
        )
      : closest(component, Object.keys(SCHEMA));
  const what = inside.length > 0 ? `component ${component} has no key ${key}` : `no component ${component}`;
  throw new HarborError('HARBOR_CONFIG_UNKNOWN', `${what}${guess ? `; did you mean ${guess}?` : ''}`);
}

/**
 * A value for `kato config set`.
 * Errors: HARBOR_CONFIG_UNKNOWN; HARBOR_CONFIG_INVALID, which says what is allowed.
 */
export function parseValue(component: string, key: string, value: unknown): unknown {
  const description = findKey(component, key);
  const parsed = typeof value === 'string' ? coerceText(description.format, value) : value;
  if (!accepts(description.format, parsed))
    throw configError([notAllowed(description, 'kato config set', parsed)]);
  return parsed;
}
