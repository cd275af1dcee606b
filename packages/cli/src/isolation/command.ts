import { HarborError } from '@harbor/core';
import { spawn } from 'node:child_process';

/** Runs ip(8) or nft(8) with some text as its input; resolves with what it printed. */
export type Run = (program: string, args: readonly string[], input?: string) => Promise<string>;

/** Errors: HARBOR_ISOLATION_UNAVAILABLE with what it said. */
export const run: Run = (program, args, input = '') =>
  new Promise((resolve, reject) => {
    // A group of its own: the Ctrl-C that ends us must not end what takes things away.
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], detached: true });
    let [out, said] = ['', ''];
    child.stdout.on('data', (data) => (out += String(data)));
    child.stderr.on('data', (data) => (said = `${said}${String(data)}`.slice(0, 2_000)));
    const failed = (reason: string, cause?: unknown): void =>
      reject(
        new HarborError('HARBOR_ISOLATION_UNAVAILABLE', `${program} ${args.join(' ')}: ${reason}`, { cause }),
      );
    child.once('error', (cause) => failed(cause.message, cause));
    child.once('close', (code, signal) => {
      if (code === 0) resolve(out);
      else failed(said.trim() || `ended by ${signal ?? `exit code ${code ?? '?'}`}`);
    });
    // It may have ended before it read everything; its exit code says more.
    child.stdin.on('error', () => undefined).end(input);
  });
