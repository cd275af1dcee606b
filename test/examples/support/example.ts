import { CHECKOUT, type RunningApp, type TestHarbor } from '@harbor/testbed';
import type { ServiceView } from '@harbor/wire';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import { parse } from 'yaml';

/** What the manifests of the examples hold. */
export interface ExampleManifest {
  readonly name: string;
  readonly instances?: number;
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

/** The commands of an example's README that run it without the manifest. */
export function runCommandsOf(example: string): string[][] {
  return harborCommandsOf(example).filter(([name, next]) => name === 'run' && next !== '--manifest');
}

/**
 * Runs an example with its manifest, as the first command of its README does, and resolves when every instance serves
 * every port that it names.
 */
export async function runExample(t: Test, harbor: TestHarbor, example: string): Promise<RunningExample> {
  const [, ...words] =
    harborCommandsOf(example).find(([name, next]) => name === 'run' && next === '--manifest') ?? [];
  const app = harbor.run(t, words);
  const { services, instances = 1 } = manifestOf(example);
  const names = Object.keys(services);
  await app.said(/serves (tcp|udp)/);
  const made = (await harbor.services()).filter(({ name }) => names.includes(name));
  for (const service of made) await served(harbor, service, instances);
  return { app, port: made.find(({ name }) => name === names[0])?.port ?? 0 };
}

/** Types the first of those commands, and resolves when every instance serves every port that it names. */
export async function startExample(t: Test, harbor: TestHarbor, example: string): Promise<RunningExample> {
  const [, ...words] = runCommandsOf(example)[0] ?? [];
  const services = valuesOf(words, '--service');
  const made = await Promise.all(services.map((service) => harbor.create(service)));
  const app = harbor.run(t, words);
  const instances = Number(valuesOf(words, '--instances')[0] ?? 1);
  for (const service of made) await served(harbor, service, instances);
  return { app, port: made[0]?.port ?? 0 };
}

async function served(
  harbor: TestHarbor,
  { name, protocol }: Pick<ServiceView, 'name' | 'protocol'>,
  instances: number,
): Promise<void> {
  await harbor.backends(name, instances * (protocol === 'both' ? 2 : 1));
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
