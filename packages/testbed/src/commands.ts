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
    const all = { maxBuffer: 64 * 1_024 * 1_024, ...options };
    execFile('env', [...PLAIN, program, ...args], all, (error, stdout, stderr) => {
      const code = error ? (typeof error.code === 'number' ? error.code : -1) : 0;
      done({ code, stdout, stderr });
    });
  });
}

/** Starts a command that goes on; its pid is its own. */
export function startCommand(program: string, args: readonly string[], options: SpawnOptions): ChildProcess {
  return spawn('env', [...PLAIN, program, ...args], options);
}
