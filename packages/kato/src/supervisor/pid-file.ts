import { processAlive, processStartTime } from '@harbor/machine';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const LOOK_EVERY = 25;

/** `var/run/NAME.pid`: the pid and start time of a process, so that a later one with its pid is not it. */
export class PidFile {
  readonly #path: string;

  constructor(varDirectory: string, name: string) {
    const directory = join(varDirectory, 'run');
    mkdirSync(directory, { recursive: true });
    this.#path = join(directory, `${name}.pid`);
  }

  write(pid: number): void {
    const started = processStartTime(pid);
    if (started !== undefined) writeFileSync(this.#path, `${pid} ${started}\n`);
  }

  remove(): void {
    rmSync(this.#path, { force: true });
  }

  get exists(): boolean {
    return existsSync(this.#path);
  }

  /** The process the file names, if it is alive. */
  alive(): number | undefined {
    let text: string;
    try {
      text = readFileSync(this.#path, 'utf8');
    } catch {
      return undefined;
    }
    const [pid = '', started = ''] = text.trim().split(' ');
    return processAlive(Number(pid), started) ? Number(pid) : undefined;
  }

  /** Ends a process that an earlier supervisor left, killing it after `patience` ms; then the file goes. */
  async clear(patience: number): Promise<void> {
    const end = Date.now() + patience;
    signal(this.alive(), 'SIGTERM');
    while (this.alive() !== undefined) {
      if (Date.now() > end) signal(this.alive(), 'SIGKILL');
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY));
    }
    this.remove();
  }
}

function signal(pid: number | undefined, name: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(pid, name);
  } catch {
    // It ended by itself in between.
  }
}
