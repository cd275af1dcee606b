import { underParent } from '@harbor/machine';
import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';

export interface InstanceEvents {
  readonly onLine: (line: string, stream: 'stdout' | 'stderr') => void;
  /** Called once, when it has ended, however. */
  readonly onExit: (how: string) => void;
}

/** One process of an application, in a process group of its own; it ends when we do. */
export class Instance {
  readonly #child: ChildProcess;
  #ended: Promise<void>;

  constructor(
    command: readonly string[],
    { env, cwd }: { readonly env: NodeJS.ProcessEnv; readonly cwd?: string | undefined },
    events: InstanceEvents,
  ) {
    const [program, ...args] = underParent(command);
    this.#child = spawn(program ?? '', args, { env, cwd, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#ended = new Promise((resolve) => {
      const end = (how: string): void => {
        resolve();
        events.onExit(how);
      };
      this.#child.once('error', (error) => end(error.message));
      this.#child.once('exit', (code, signal) => {
        // What it started must not outlive it.
        this.#signal('SIGKILL');
        end(signal ? `ended by ${signal}` : `ended with exit code ${code ?? '?'}`);
      });
    });
    for (const stream of ['stdout', 'stderr'] as const) {
      const input = this.#child[stream];
      if (input) createInterface({ input }).on('line', (line) => events.onLine(line, stream));
    }
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Asks it to end, makes it after `patience` ms, and resolves when it has. */
  async stop(patience: number): Promise<void> {
    this.#signal('SIGTERM');
    const kill = setTimeout(() => this.kill(), patience);
    await this.#ended;
    clearTimeout(kill);
  }

  kill(): void {
    this.#signal('SIGKILL');
  }

  #signal(signal: NodeJS.Signals): void {
    const { pid } = this.#child;
    if (pid === undefined) return;
    try {
      process.kill(-pid, signal);
    } catch {
      // The whole group has ended: that is what was wanted.
    }
  }
}
