import {
  CHECKOUT,
  eventually,
  runCommand,
  startCommand,
  temporaryDirectory,
  type LabHost,
  type Scope,
} from '@harbor/testbed';
import { chmodSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** How long a server may take to end before it is killed, ms. */
const PATIENCE = 3_000;

/** A directory that goes with the benchmark, and that servers which drop root can enter. */
export function directory(scope: Scope): string {
  const made = temporaryDirectory();
  chmodSync(made.path, 0o755);
  scope.teardown(() => made.remove());
  return made.path;
}

/** Starts a server on a host of the lab; it is ended with the benchmark. Resolves with its pid when it listens. */
export async function serve(
  scope: Scope,
  host: LabHost,
  command: readonly string[],
  listens: { readonly tcp?: number; readonly udp?: number },
): Promise<number> {
  const [program = '', ...args] = command;
  const log = join(directory(scope), 'output');
  const output = openSync(log, 'a');
  const child = startCommand(program, args, { netns: host.netns, stdio: ['ignore', output, output] });
  const ended = new Promise<void>((done) => child.once('exit', () => done()));
  scope.teardown(async () => {
    child.kill('SIGTERM');
    const killer = setTimeout(() => child.kill('SIGKILL'), PATIENCE);
    await ended;
    clearTimeout(killer);
  });
  const [flag, port] = listens.tcp === undefined ? ['-Hlun', listens.udp] : ['-Hltn', listens.tcp];
  await eventually(`${command.join(' ')} to listen on ${port}`, async () => {
    if (child.exitCode !== null) throw new Error(readFileSync(log, 'utf8'));
    return (await host.run('ss', flag, `sport = :${port}`)) !== '';
  });
  return child.pid ?? 0;
}

/** Runs a command on a host of the lab, which tells how far it is itself; resolves with what it prints. */
export async function output(scope: Scope, host: LabHost, command: readonly string[]): Promise<string> {
  const [program = '', ...args] = command;
  const child = startCommand(program, args, { netns: host.netns, stdio: ['ignore', 'pipe', 'inherit'] });
  // Where the bench is interrupted it would go on for ever.
  scope.teardown(() => child.kill('SIGKILL'));
  let text = '';
  child.stdout?.on('data', (data) => (text += String(data)));
  const code = await new Promise<number>((done) => child.once('close', (ended) => done(ended ?? -1)));
  if (code !== 0) throw new Error(`${program} ended with ${code}`);
  return text;
}

/** A Node program beside this file, as a command. */
export function program(name: string, ...args: readonly (string | number)[]): string[] {
  const path = fileURLToPath(new URL(`./programs/${name}.js`, import.meta.url));
  return [process.execPath, path, ...args.map(String)];
}

/** Writes a configuration of bench/configs/ with its {{names}} filled in, and resolves with its path. */
export function configure(
  name: string,
  into: string,
  values: Readonly<Record<string, string | number>>,
): string {
  const path = join(into, name);
  writeFileSync(path, fill(readFileSync(join(CHECKOUT, 'bench/configs', name), 'utf8'), values));
  return path;
}

/** Puts values in the place of {{names}}; one that nobody gives is an error. */
export function fill(template: string, values: Readonly<Record<string, string | number>>): string {
  return template.replace(/\{\{(\w+)\}\}/g, (_, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`the template wants {{${name}}}`);
    return String(value);
  });
}

/** As many open files as systemd lets its services have. */
const OPEN_FILES = 524_288;

/** Lets this process and all it starts open as many files as it may; resolves with how many that are. */
export async function raiseOpenFiles(): Promise<number> {
  const limit = (count: number | string): Promise<{ readonly code: number; readonly stdout: string }> =>
    runCommand('prlimit', [
      '--pid',
      String(process.pid),
      `--nofile${count}`,
      '--noheadings',
      '--output=HARD',
    ]);
  if ((await limit(`=${OPEN_FILES}:${OPEN_FILES}`)).code === 0) return OPEN_FILES;
  // Not every root may: a container's has the limit that it was given.
  return Number((await limit('')).stdout);
}
