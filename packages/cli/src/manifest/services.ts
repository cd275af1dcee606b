import type { Node } from 'yaml';
import { readParameters, readPlan } from './checks.js';
import type { WantedService } from './manifest.js';
import type { Entry, ManifestSource } from './source.js';

/** `harbor`, or with the version that v1 labels have. */
const HARBOR = /^harbor(-[\d.]+)?$/i;

/** Expands a name that stands at a node. */
export type NameAt = (text: string, at: Node) => string;

/**
 * The services of a manifest: `my-port: harbor`, `my-port: {type: harbor, …}`, `- my-port`,
 * `- my-port: harbor` and `- {name: my-port, …}`. What is not Harbor's is left out with a warning.
 */
export function readServices(source: ManifestSource, node: Node | null, nameAt: NameAt): WantedService[] {
  const read =
    source.kind(node) === 'list'
      ? source.items(node, 'services').flatMap((item) => fromItem(source, item, nameAt))
      : source.entries(node, 'services').flatMap((entry) => fromEntry(source, entry, nameAt));
  const seen = new Set<string>();
  for (const { service, at } of read) {
    if (seen.has(service.name)) source.error(at, `the service ${service.name} is named twice`);
    seen.add(service.name);
  }
  return read.map(({ service }) => service);
}

interface Found {
  readonly service: WantedService;
  readonly at: Node;
}

function fromItem(source: ManifestSource, item: Node, nameAt: NameAt): Found[] {
  if (source.kind(item) !== 'mapping') {
    const text = source.text(item, 'a service');
    return text === undefined ? [] : [{ service: { name: nameAt(text, item) }, at: item }];
  }
  const entries = source.entries(item, 'a service');
  const named = entries.find(({ key }) => key === 'name');
  if (!named) return entries.flatMap((entry) => fromEntry(source, entry, nameAt));
  const name = source.text(named.value, 'the name of a service');
  if (name !== undefined) return described(source, { name, at: item }, entries, nameAt);
  source.error(named.at, 'a service needs a name');
  return [];
}

function fromEntry(source: ManifestSource, { key, at, value }: Entry, nameAt: NameAt): Found[] {
  if (source.kind(value) === 'mapping') {
    const entries = source.entries(value, `the service ${key}`);
    return described(source, { name: key, at }, entries, nameAt);
  }
  const type = source.text(value, `the type of the service ${key}`) ?? 'harbor';
  // The oldest manifests have the type before the name.
  if (key === 'harbor' && !HARBOR.test(type)) return [{ service: { name: nameAt(type, at) }, at }];
  const name = nameAt(key, at);
  return isHarbors(source, at, name, type) ? [{ service: { name }, at }] : [];
}

const TYPE = ['type', 'label', 'vendor', 'service', 'offering'];

/** A service of which more is said than its type. */
function described(
  source: ManifestSource,
  { name: written, at }: { readonly name: string; readonly at: Node },
  entries: readonly Entry[],
  nameAt: NameAt,
): Found[] {
  const name = nameAt(written, at);
  let type = 'harbor';
  let plan: string | undefined;
  let parameters: Record<string, unknown> | undefined;
  for (const { key, at: place, value } of entries) {
    if (key === 'name') continue;
    if (TYPE.includes(key)) type = source.text(value, key) ?? type;
    else if (key === 'plan') plan = readPlan(source, value);
    else if (key === 'parameters') parameters = readParameters(source, value);
    else source.warning(place, `"${key}" is no key of a service; it is left out`);
  }
  if (!isHarbors(source, at, name, type)) return [];
  return [{ service: { name, ...(plan ? { plan } : {}), ...(parameters ? { parameters } : {}) }, at }];
}

function isHarbors(source: ManifestSource, at: Node, name: string, type: string): boolean {
  if (HARBOR.test(type)) return true;
  source.warning(at, `the service ${name} is left out: Harbor gives ports, and no ${type}`);
  return false;
}
