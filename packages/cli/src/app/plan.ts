import { HarborError } from '@harbor/core';
import { hasProgram } from '@harbor/machine';
import { basename } from 'node:path';
import { loadManifest, type WantedService } from '../manifest/index.js';
import { afterHooks, shellCommand } from './shell.js';

/** What the command line says; it goes before the manifest. */
export interface RunOptions {
  readonly app?: string;
  readonly instances?: number;
  readonly services: readonly string[];
  /** A file; true: what is in the folder; false: none. */
  readonly manifest: string | boolean;
  readonly deleteServices?: boolean;
  readonly isolate?: boolean;
  /** s */
  readonly killTimeout: number;
  readonly json?: boolean;
}

/** All that is known before anybody is asked. */
export interface RunPlan {
  readonly app: string;
  readonly instances: number;
  /** A program and its arguments. */
  readonly command: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** Where the instances start, absolute. */
  readonly folder: string;
  readonly http: boolean;
  readonly memory?: number;
  /** The manifest's: made where they are missing, and bound. */
  readonly wanted: readonly WantedService[];
  /** The command line's: they have to be there. */
  readonly named: readonly string[];
  readonly manifest?: string;
  /** One line each, for the developer. */
  readonly warnings: readonly string[];
}

/** The longest name an application gets from its folder. */
const LONGEST_NAME = 64;

/**
 * Lays the command line over the manifest.
 * Errors: HARBOR_MANIFEST_INVALID, HARBOR_USAGE without a command, HARBOR_APP_FAILED for no program.
 */
export function planRun(
  directory: string,
  env: NodeJS.ProcessEnv,
  words: readonly string[],
  options: RunOptions,
): RunPlan {
  const { manifest: wish, app, services, instances } = options;
  const unnamed = (basename(directory) || 'app').slice(0, LONGEST_NAME);
  const loaded =
    wish === false
      ? undefined
      : loadManifest({ directory, file: wish === true ? undefined : wish, app, unnamed, env });
  const said = loaded?.application;
  const inside = { ...env, ...said?.env };
  const folder = loaded?.folder ?? directory;
  const [program] = words;
  if (program !== undefined && !hasProgram(program, inside.PATH, folder))
    throw new HarborError('HARBOR_APP_FAILED', `${program} is no program that can be run`);
  if (program === undefined && said?.command === undefined)
    throw new HarborError(
      'HARBOR_USAGE',
      loaded
        ? `${loaded.file} has no command; add "command: …" to it, or say what to run: harbor run … -- COMMAND`
        : 'say what to run: harbor run … -- COMMAND, or write a stackato.yml or manifest.yml',
    );
  const hooks = said?.preRunning ?? [];
  return {
    app: said?.name ?? app ?? unnamed,
    instances: instances ?? said?.instances ?? 1,
    command:
      program === undefined
        ? shellCommand(said?.command ?? '', hooks, inside.PATH)
        : afterHooks(words, hooks, inside.PATH),
    env: inside,
    folder,
    http: said?.http ?? true,
    ...(said?.memory === undefined ? {} : { memory: said.memory }),
    wanted: said?.services ?? [],
    named: services,
    ...(loaded ? { manifest: loaded.file } : {}),
    warnings: loaded?.warnings ?? [],
  };
}
