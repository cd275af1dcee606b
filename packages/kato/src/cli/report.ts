import { HarborError } from '@harbor/core';
import { liveSettings, type Place, version } from '@harbor/runtime';
import { note, say } from '@harbor/terminal';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { cpus, release, tmpdir, totalmem } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { PROCESSES } from '../processes/catalogue.js';
import { describeKeys } from '@harbor/config';
import { entries } from './history.js';
import { findings } from './inspect.js';
import { readStatus } from './status.js';

/** How much of each log goes in, bytes from its end. */
const LOG_END = 4 * 1_024 * 1_024;
const HIDDEN = '********';

/** `kato report [FILE]`: a tarball for support, with every secret taken out. */
export async function report(place: Place, file: string | undefined, now: Date): Promise<void> {
  const name = `harbor-report-${now.toISOString().replace(/[:.]/g, '-')}`;
  const target = resolve(file ?? `${name}.tar.gz`);
  if (!existsSync(dirname(target)))
    throw new HarborError('HARBOR_USAGE', `there is no directory ${dirname(target)} for the report`);
  const work = mkdtempSync(join(tmpdir(), 'harbor-report-'));
  try {
    note('collecting …');
    const directory = join(work, name);
    mkdirSync(directory);
    const hide = await hider(place);
    for (const [path, text] of await contents(place)) writeFileSync(join(directory, path), hide(text));
    const tar = spawnSync('tar', ['-C', work, '-czf', target, name], { encoding: 'utf8' });
    if (tar.status !== 0)
      throw new HarborError('HARBOR_USAGE', `${target} cannot be written: ${tar.stderr.trim()}`);
    chmodSync(target, 0o600);
    say(`${target} (${Math.ceil(statSync(target).size / 1_000)} kB, without secrets)`);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

async function contents(place: Place): Promise<[name: string, text: string][]> {
  const { settings } = await liveSettings(place);
  const machine = { node: process.version, kernel: release(), cpus: cpus().length, memory: totalmem() };
  const documents: Record<string, unknown> = {
    'about.json': { version: version(), home: place.home.dir, machine },
    'configuration.json': settings,
    'status.json': await readStatus(place),
    'inspect.json': await findings(place),
    'history.json': entries(place),
  };
  const logs = [...PROCESSES.map((process) => process.name), 'kato'].flatMap(
    (process): [string, string][] => {
      const text = end(join(place.home.logs, `${process}.log`));
      return text === undefined ? [] : [[`${basename(process)}.log`, text]];
    },
  );
  const written = Object.entries(documents).map(([name, value]): [string, string] => [
    name,
    `${JSON.stringify(value, null, 2)}\n`,
  ]);
  return [...written, ...logs];
}

/** Takes every secret there is out of a text, wherever it stands. */
async function hider(place: Place): Promise<(text: string) => string> {
  const { settings } = await liveSettings(place);
  const values = describeKeys()
    .filter(({ sensitive }) => sensitive)
    .map(({ component, key }) => (settings[component] as Record<string, unknown>)[key])
    .concat(Object.values(place.secrets))
    .filter((value): value is string => typeof value === 'string' && value.length >= 8);
  return (text) => values.reduce((rest, secret) => rest.replaceAll(secret, HIDDEN), text);
}

function end(path: string): string | undefined {
  try {
    return readFileSync(path).subarray(-LOG_END).toString();
  } catch {
    return undefined;
  }
}
