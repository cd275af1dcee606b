import { HarborError } from '@harbor/core';
import { spawn } from 'node:child_process';

/** How long nft or conntrack may take, ms: a whole table of thousands of ports takes some seconds. */
const PATIENCE = 60_000;

/** Runs a program with some text as its input; resolves with what it printed. */
export type Run = (program: string, args: readonly string[], input?: string) => Promise<string>;

/** Errors: HARBOR_DATA_PLANE_UNAVAILABLE with the end of what it said. */
export const run: Run = (program, args, input = '') =>
  new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    // spawn's own timeout would hold up a process that has nothing else to do where there is no such program.
    const timer = setTimeout(() => child.kill(), PATIENCE).unref();
    let [out, said] = ['', ''];
    child.stdout.on('data', (data) => (out += String(data)));
    child.stderr.on('data', (data) => (said = `${said}${String(data)}`.slice(0, 2_000)));
    const failed = (reason: string, cause?: unknown): void =>
      reject(
        new HarborError('HARBOR_DATA_PLANE_UNAVAILABLE', `${program} ${args.join(' ')}: ${reason}`, {
          cause,
        }),
      );
    child.once('error', (cause) => failed(cause.message, cause));
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      if (code === 0) resolve(out);
      else failed(said.trim() || `ended by ${signal ?? `exit code ${code ?? '?'}`}`);
    });
    // It may have ended before it read everything; its exit code says more.
    child.stdin.on('error', () => undefined).end(input);
  });
