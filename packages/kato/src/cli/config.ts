import {
  describeKeys,
  findKey,
  isOfTheNode,
  parseValue,
  SCHEMA,
  writeFileValue,
  type KeyDescription,
  type Settings,
} from '@harbor/config';
import { asHarborError, HarborError } from '@harbor/core';
import { type Place, liveSettings, withStore } from '@harbor/runtime';
import { stringify } from 'yaml';
import { note, say, sayJson } from '@harbor/terminal';
import { connectSupervisor } from '../supervisor/index.js';

/** How values are printed: `-j`, `-y`, `-f`. */
export interface Form {
  readonly json?: boolean;
  readonly yaml?: boolean;
  readonly flat?: boolean;
}

const MASK = '********';

/** `kato config get [COMPONENT [KEY]]`. A secret is shown only when it is asked for by its key. */
export async function configGet(
  place: Place,
  component: string | undefined,
  key: string | undefined,
  form: Form,
): Promise<void> {
  if (component !== undefined && !Object.hasOwn(SCHEMA, component)) findKey(component, key ?? '');
  const asked = component !== undefined && key !== undefined ? findKey(component, key) : undefined;
  const { settings } = await liveSettings(place, note);
  if (asked) {
    const value = valueOf(settings, asked);
    if (form.json) sayJson(value);
    else say(form.flat ? `${asked.component}/${asked.key} ${show(value)}` : show(value));
    return;
  }
  const keys = describeKeys().filter((each) => component === undefined || each.component === component);
  if (form.flat) {
    for (const each of keys) say(`${each.component}/${each.key} ${show(masked(settings, each))}`);
    return;
  }
  const tree: Record<string, Record<string, unknown>> = {};
  for (const each of keys) (tree[each.component] ??= {})[each.key] = masked(settings, each);
  const shown = component === undefined ? tree : tree[component];
  if (form.json) sayJson(shown);
  else say(stringify(shown).trimEnd());
}

/** `kato config set COMPONENT KEY VALUE`: checked, stored, seen by every process at once. */
export async function configSet(
  place: Place,
  component: string,
  key: string,
  text: string,
  form: Form,
): Promise<void> {
  const description = findKey(component, key);
  const value = parseValue(component, key, form.json ? fromJson(text) : text);
  await store(place, description, value);
  say(`${component} ${key}: ${description.sensitive ? MASK : show(value)}`);
  remind(description);
}

/** `kato config del COMPONENT KEY`: back to the file's value or the default. */
export async function configDelete(place: Place, component: string, key: string): Promise<void> {
  const description = findKey(component, key);
  await store(place, description, undefined);
  const { settings } = await liveSettings(place);
  say(`${component} ${key}: ${show(masked(settings, description))}`);
  remind(description);
}

/** What keeps a change from counting at once. */
function remind({ env, atStartOf }: KeyDescription): void {
  if (process.env[env] !== undefined) note(`the environment variable ${env} is set here and goes before it`);
  if (atStartOf !== undefined)
    note(`it counts from the next start on: ${`kato restart ${atStartOf}`.trim()}`);
}

async function store(
  place: Place,
  { component, key, id, bootstrap }: KeyDescription,
  value: unknown,
): Promise<void> {
  if (bootstrap || (place.core && isOfTheNode(id))) {
    writeFileValue(place.home, component, key, value);
    note(`written to ${place.home.configFile}; it counts from the next start on: kato restart`);
    return;
  }
  const record = value === undefined ? undefined : { value };
  try {
    await withStore(place, (state) =>
      state.commit({ expect: [], write: [{ kind: 'config', id, value: record }] }),
    );
  } catch (thrown) {
    const error = asHarborError(thrown);
    if (error.code !== 'HARBOR_REDIS_UNAVAILABLE' || (await connectSupervisor(place))) throw thrown;
    const where = `write it to ${place.home.configFile}`;
    throw new HarborError(
      'HARBOR_NOT_RUNNING',
      `Harbor is not running, so nothing can be stored; or ${where}`,
      {
        cause: thrown,
      },
    );
  }
}

function valueOf(settings: Settings, { component, key }: KeyDescription): unknown {
  return (settings[component] as Record<string, unknown>)[key];
}

function masked(settings: Settings, key: KeyDescription): unknown {
  const value = valueOf(settings, key);
  return key.sensitive && value !== null ? MASK : value;
}

function show(value: unknown): string {
  if (value === null || value === undefined) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function fromJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new HarborError('HARBOR_USAGE', `with -j the value must be JSON: ${text}`, { cause });
  }
}
