import { closest } from '@harbor/config';
import { isScalar, type Node } from 'yaml';
import { nameFault, shown } from './checks.js';
import { expand, manifestLookup, type Lookup } from './expand.js';
import type { ManifestApplication } from './manifest.js';
import { readServices } from './services.js';
import { writtenText, type Entry, type ManifestSource } from './source.js';
import { readFlag, readInstances, readMemory, readTexts } from './values.js';

/** The hooks of stackato.yml that belong to a platform with a staging. */
const OTHER_HOOKS: readonly string[] = ['pre-push', 'pre-staging', 'post-staging', 'post-push'];

type Environment = Readonly<Record<string, string | undefined>>;

export interface Surroundings {
  readonly env: Environment;
  /** What it is called, whatever it says itself. */
  readonly app?: string;
  readonly unnamed: string;
  /** The key it stands under, where that names its folder. */
  readonly folder?: string;
}

/** Reads one application. */
export function readApplication(
  source: ManifestSource,
  entries: readonly Entry[],
  { env: outside, app, unnamed, folder }: Surroundings,
): ManifestApplication {
  const find = (...keys: string[]): Entry | undefined => entries.find(({ key }) => keys.includes(key));
  const value = (...keys: string[]): Node | null => find(...keys)?.value ?? null;
  const keys = new Map(entries.flatMap(({ key, value: node }) => scalar(node, key)));
  const named = find('name');
  const name = app ?? source.text(named?.value ?? null, 'name') ?? unnamed;
  keys.set('name', name);
  const env = readEnv(source, value('env'), { keys, outside });
  const lookup = manifestLookup(keys, { ...outside, ...env });
  const nameAt = (text: string, at: Node): string => {
    const name = expand(text, {
      lookup,
      bare: true,
      onUnknown: (reference) =>
        source.error(at, `${reference} is neither a key of the manifest nor in the environment`),
    });
    const fault = nameFault(name);
    if (fault !== undefined) source.error(at, `the name ${shown(text)} ${fault}`);
    return name;
  };
  // What is left of ${…} is the shell's.
  const forShell = (text: string): string =>
    expand(text, { lookup: (key) => (keys.has(key) ? lookup(key) : undefined) });
  const directory = source.text(value('app-dir', 'path'), 'app-dir') ?? folder;
  const memory = readMemory(source, value('mem', 'memory'));
  const instances = readInstances(source, value('instances'));
  const { web, http } = readProcesses(source, value('processes'));
  const command = web ?? source.text(value('command'), 'command');
  return {
    name: named && app === undefined ? nameAt(name, named.value ?? named.at) : name,
    ...(directory === undefined ? {} : { folder: directory }),
    ...(memory === undefined ? {} : { memory }),
    ...(instances === undefined ? {} : { instances }),
    ...(command === undefined ? {} : { command: forShell(command) }),
    http: http && !readFlag(source, value('no-route'), 'no-route'),
    env,
    services: readServices(source, value('services'), nameAt),
    preRunning: readHooks(source, value('hooks')).map(forShell),
  };
}

function scalar(node: Node | null, key: string): [string, string][] {
  return isScalar(node) && node.value !== null ? [[key, writtenText(node)]] : [];
}

/** `processes: web: COMMAND`, and `~` for an application without HTTP. */
function readProcesses(source: ManifestSource, node: Node | null): { web?: string; http: boolean } {
  let [web, http]: [string | undefined, boolean] = [undefined, true];
  for (const { key, at, value } of source.entries(node, 'processes')) {
    if (key !== 'web') source.warning(at, `the process ${key} is left out: harbor run starts web alone`);
    else if (source.kind(value) === 'nothing') http = false;
    else web = source.text(value, 'processes: web');
  }
  return web === undefined ? { http } : { web, http };
}

function readHooks(source: ManifestSource, node: Node | null): string[] {
  const entries = source.entries(node, 'hooks');
  for (const { key, at } of entries) {
    if (key === 'pre-running') continue;
    const meant = OTHER_HOOKS.includes(key) ? undefined : closest(key, ['pre-running', ...OTHER_HOOKS]);
    const what = meant ? `did you mean ${meant}?` : 'run it by hand where it is needed';
    source.warning(at, `the hook ${key} is left out: ${what}`);
  }
  const found = entries.find(({ key }) => key === 'pre-running');
  return readTexts(source, found?.value ?? null, 'hooks: pre-running');
}

/** `NAME: value`, or `NAME: {default: value, required: true}`, which what is set outside goes before. */
function readEnv(
  source: ManifestSource,
  node: Node | null,
  { keys, outside }: { keys: ReadonlyMap<string, string>; outside: Environment },
): Record<string, string> {
  const written = new Map<string, string>();
  const entries = source.entries(node, 'env');
  for (const { key, at, value } of entries) {
    if (!/^[^=\0]+$/.test(key)) source.error(at, `"${key}" cannot be the name of a variable`);
    const text =
      source.kind(value) === 'mapping'
        ? readDescribed(source, { key, at, value }, outside)
        : (source.text(value, `env: ${key}`) ?? '');
    if (text !== undefined) written.set(key, text);
  }
  const lookup: Lookup = manifestLookup(new Map([...keys, ...written]), outside);
  return Object.fromEntries(
    entries.flatMap(({ key, at }) => {
      const text = written.get(key);
      if (text === undefined) return [];
      const onUnknown = (reference: string): void =>
        source.warning(at, `${reference} in ${key} stands for nothing; it stays as it is written`);
      return [[key, lookup(key) ?? expand(text, { lookup, onUnknown })]];
    }),
  );
}

function readDescribed(source: ManifestSource, entry: Entry, outside: Environment): string | undefined {
  const { key, at, value } = entry;
  const parts = source.entries(value, `env: ${key}`);
  const part = (name: string): Node | null => parts.find((each) => each.key === name)?.value ?? null;
  const text = outside[key] ?? source.text(part('default'), `env: ${key}: default`);
  if (text === undefined && readFlag(source, part('required'), `env: ${key}: required`))
    source.error(at, `${key} is required: set it in the environment of harbor run`);
  return text;
}
