import { HarborError } from '@harbor/core';
import { readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { ManifestApplication, ManifestProblem } from './manifest.js';
import { parseManifest } from './parse.js';

/** In the order they are looked for: the first that is there is read. */
export const MANIFEST_FILES = ['stackato.yml', 'manifest.yml'] as const;

/** An application's manifest, and where its code stands. */
export interface LoadedManifest {
  /** As it was found or given. */
  readonly file: string;
  readonly application: ManifestApplication;
  /** The application's root, absolute. */
  readonly folder: string;
  /** One line each, for the developer. */
  readonly warnings: readonly string[];
}

export interface ManifestWish {
  /** Where to look, and what relative names are relative to. */
  readonly directory: string;
  /** This file and no other; undefined: what is there. */
  readonly file?: string | undefined;
  /** What the application is called; the one meant, where a manifest has several. */
  readonly app?: string | undefined;
  /** What it is called where nobody says. */
  readonly unnamed: string;
  readonly env: NodeJS.ProcessEnv;
}

/**
 * The manifest of an application; undefined where none was asked for and none is there.
 * Errors: HARBOR_MANIFEST_INVALID with every error, its line and column; HARBOR_USAGE where it has several
 * applications and none of them is meant.
 */
export function loadManifest(wish: ManifestWish): LoadedManifest | undefined {
  const { directory, app, env, unnamed } = wish;
  const file = wish.file ?? MANIFEST_FILES.find((name) => isThere(join(directory, name)));
  if (file === undefined) return undefined;
  const path = resolve(directory, file);
  const { applications, problems } = parseManifest(readText(path, file), { env, app, unnamed });
  const errors = problems.filter(({ severity }) => severity === 'error');
  if (errors.length > 0)
    throw new HarborError('HARBOR_MANIFEST_INVALID', errors.map((each) => lineOf(file, each)).join('\n'), {
      details: { problems: errors },
    });
  const application = choose(applications, app, file);
  const folder = resolve(dirname(path), application.folder ?? '.');
  if (!isThere(folder))
    throw new HarborError(
      'HARBOR_MANIFEST_INVALID',
      `${file}: the application's folder ${folder} is not there`,
    );
  return { file, application, folder, warnings: problems.map((each) => lineOf(file, each)) };
}

function choose(
  applications: readonly ManifestApplication[],
  app: string | undefined,
  file: string,
): ManifestApplication {
  const [only, ...more] = applications;
  if (only && more.length === 0) return only;
  const meant = applications.find(({ name }) => name === app);
  if (meant) return meant;
  const names = applications.map(({ name }) => name).join(', ');
  const asked = app === undefined ? '' : ` and none of them is ${app}`;
  throw new HarborError(
    'HARBOR_USAGE',
    `${file} has several applications${asked}; choose one with --app: ${names}`,
  );
}

function lineOf(file: string, { line, column, message }: ManifestProblem): string {
  return `${file}:${line}:${column}: ${message}`;
}

function isThere(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'is not there',
  EISDIR: 'is a folder, not a manifest',
};

function readText(path: string, file: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    const { code = String(cause) } = cause as NodeJS.ErrnoException;
    const reason = REASONS[code] ?? `cannot be read: ${code}`;
    throw new HarborError('HARBOR_MANIFEST_INVALID', `${file} ${reason}`, { cause });
  }
}
