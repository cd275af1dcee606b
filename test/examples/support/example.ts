import { CHECKOUT, type RunningApp, type TestHarbor } from '@harbor/testbed';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import { parse } from 'yaml';

/** What the manifests of the examples hold. */
export interface ExampleManifest {
  readonly name: string;
  readonly instances?: number;
  readonly command: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly services: Readonly<Record<string, string>>;
}

/** An example that runs behind its ports. */
export interface RunningExample {
  readonly app: RunningApp;
  /** The port of its only service, or of the one named first. */
  readonly port: number;
}

export function manifestOf(example: string): ExampleManifest {
  return parse(readFileSync(join(CHECKOUT, 'examples', example, 'stackato.yml'), 'utf8')) as ExampleManifest;
}

/** The words of each `bin/harbor …` that an example's README types, in its order. */
export function harborCommandsOf(example: string): string[][] {
  const readme = readFileSync(join(CHECKOUT, 'examples', example, 'README.md'), 'utf8');
  return [...readme.matchAll(/^\$ bin\/harbor (.*)$/gm)].map(([, line = '']) => wordsOf(line));
}

/** The command of an example's README that runs it without the manifest. */
export function runCommandOf(example: string): string[] {
  const found = harborCommandsOf(example).find(([name, next]) => name === 'run' && next !== '--manifest');
  if (!found) throw new Error(`the README of ${example} has no harbor run that needs no manifest`);
  return found;
}

/** Types what the example's README says, and resolves when every instance serves every port of it. */
export async function startExample(t: Test, harbor: TestHarbor, example: string): Promise<RunningExample> {
  const ports: number[] = [];
  for (const [name, , service] of harborCommandsOf(example))
    if (name === 'create-service' && service !== undefined) ports.push((await harbor.create(service)).port);
  const [, ...words] = runCommandOf(example);
  const app = harbor.run(t, words);
  const services = valuesOf(words, '--service');
  const instances = Number(valuesOf(words, '--instances')[0] ?? 1);
  for (const service of services) {
    const { protocol } = (await harbor.explain(service)).service;
    await harbor.backends(service, instances * (protocol === 'both' ? 2 : 1));
  }
  return { app, port: ports[0] ?? 0 };
}

/** The values of an option that may be repeated, in the words before `--`. */
export function valuesOf(words: readonly string[], option: string): string[] {
  const ours = words.includes('--') ? words.slice(0, words.indexOf('--')) : words;
  return ours.flatMap((word, at) => (word === option ? (ours[at + 1] ?? []) : []));
}

/** A line's words as a shell sees them; single quotes are all that the READMEs need. */
function wordsOf(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? '');
}
