import { closest } from '@harbor/config';
import type { Node } from 'yaml';
import { readApplication } from './application.js';
import { USED, WITHOUT_EFFECT } from './keys.js';
import type { Manifest, ManifestApplication, ManifestProblem } from './manifest.js';
import { ManifestSource, type Entry } from './source.js';

export interface ManifestOptions {
  /** Where `${VARIABLE}` is looked up. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What the application is called, whatever its manifest says; with several applications the one meant. */
  readonly app?: string | undefined;
  /** What one is called that nobody has named. */
  readonly unnamed: string;
}

/**
 * Reads stackato.yml or manifest.yml: keys at the top level, or applications below `applications:`, as a
 * mapping from their folders or as a list; there, the top level holds what is common to all.
 */
export function parseManifest(text: string, { env, app, unnamed }: ManifestOptions): Manifest {
  const source = new ManifestSource(text);
  const done = (applications: ManifestApplication[]): Manifest => ({
    applications,
    problems: inOrder(source.problems),
  });
  if (source.problems.length > 0) return done([]);
  const top = source.entries(source.root, 'a manifest');
  if (top.length === 0 && source.problems.length === 0) source.error(source.root, 'there is nothing in it');
  const list = top.find(({ key }) => key === 'applications');
  const common = withStackato(
    source,
    top.filter(({ key }) => key !== 'applications'),
  );
  const all: Written[] = list ? applicationsOf(source, list) : [{ entries: [], at: source.root }];
  if (list && all.length === 0) source.error(list.at, 'no application stands below "applications"');
  sayKeys(source, [...common, ...all.flatMap(({ entries }) => entries)]);
  const named = new Set<string>();
  return done(
    all.map(({ entries, folder, at }) => {
      const application = readApplication(source, laidOver(common, entries), {
        env,
        unnamed,
        ...(app === undefined || all.length > 1 ? {} : { app }),
        ...(folder === undefined ? {} : { folder }),
      });
      const { name } = application;
      if (named.has(name)) source.error(at, `two applications are called ${name}: --app could not choose`);
      named.add(name);
      return application;
    }),
  );
}

/** As they stand in the file. */
function inOrder(problems: readonly ManifestProblem[]): ManifestProblem[] {
  return [...problems].sort((a, b) => a.line - b.line || a.column - b.column);
}

interface Written {
  readonly entries: Entry[];
  readonly at: Node | null;
  readonly folder?: string;
}

function applicationsOf(source: ManifestSource, { value }: Entry): Written[] {
  const read = (node: Node | null): Entry[] => withStackato(source, source.entries(node, 'an application'));
  if (source.kind(value) === 'list')
    return source.items(value, 'applications').map((item) => ({ entries: read(item), at: item }));
  return source
    .entries(value, 'applications')
    .map((entry) => ({ entries: read(entry.value), at: entry.at, folder: entry.key }));
}

/** The keys below `stackato:` go before those beside it. */
function withStackato(source: ManifestSource, entries: readonly Entry[]): Entry[] {
  const block = entries.find(({ key }) => key === 'stackato');
  const rest = entries.filter(({ key }) => key !== 'stackato');
  return block ? laidOver(rest, source.entries(block.value, 'stackato')) : rest;
}

function laidOver(below: readonly Entry[], above: readonly Entry[]): Entry[] {
  const named = new Set(above.map(({ key }) => key));
  return [...above, ...below.filter(({ key }) => !named.has(key))];
}

/** Names each unknown key, and all that have no effect in one warning. */
function sayKeys(source: ManifestSource, entries: readonly Entry[]): void {
  const known: readonly string[] = USED;
  const idle: Entry[] = [];
  for (const entry of entries) {
    const { key, at } = entry;
    if (known.includes(key)) continue;
    if (WITHOUT_EFFECT.includes(key)) {
      if (!idle.some((each) => each.key === key)) idle.push(entry);
      continue;
    }
    const meant = closest(key, known);
    source.warning(at, `"${key}" is no key that is known here${meant ? `; did you mean ${meant}?` : ''}`);
  }
  if (idle.length > 0)
    source.warning(
      idle[0]?.at ?? null,
      `without effect in harbor run: ${idle.map(({ key }) => key).join(', ')}`,
    );
}
