import { execFile, spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';

/** How a command ended. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** tap gives every Node process below it a loader of its own; a command has to run as people run it. */
const PLAIN = ['-u', 'NODE_OPTIONS'];

export interface CommandOptions {
  /** The network namespace to run it in. */
  readonly netns?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** ms */
  readonly timeout?: number;
}

/** Runs a command to its end; an exit code is an answer, never an error. */
export function runCommand(
  program: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<Ended> {
  return new Promise((done) => {
    const { netns, ...all } = { maxBuffer: 64 * 1_024 * 1_024, ...options };
    const [first = 'env', ...rest] = inside(netns, ['env', ...PLAIN, program, ...args]);
    execFile(first, rest, all, (error, stdout, stderr) => {
      const code = error ? (typeof error.code === 'number' ? error.code : -1) : 0;
      done({ code, stdout, stderr });
    });
  });
}

/** Starts a command that goes on; its pid is its own. */
export function startCommand(
  program: string,
  args: readonly string[],
  { netns, ...options }: SpawnOptions & { readonly netns?: string },
): ChildProcess {
  const [first = 'env', ...rest] = inside(netns, ['env', ...PLAIN, program, ...args]);
  return spawn(first, rest, options);
}

/** ip(8) replaces itself by the command, so its pid is the command's. */
function inside(netns: string | undefined, command: readonly string[]): readonly string[] {
  return netns === undefined ? command : ['ip', 'netns', 'exec', netns, ...command];
}
