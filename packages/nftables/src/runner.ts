import { HarborError } from '@harbor/core';
import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Run } from './command.js';

/** What the process beside us is asked, and what it answers; one of `out` and `error`. */
export interface Order {
  readonly id: number;
  readonly program: string;
  readonly args: readonly string[];
  readonly input: string | undefined;
}

export interface Outcome {
  readonly id: number;
  readonly out?: string;
  readonly error?: string;
}

interface Waiting {
  readonly resolve: (out: string) => void;
  readonly reject: (error: HarborError) => void;
}

/** One life of the process, and who waits for it. */
interface Life {
  readonly child: ChildProcess;
  readonly waiting: Map<number, Waiting>;
}

const MAIN = fileURLToPath(new URL('./runner-main.js', import.meta.url));

/**
 * Runs programs by way of a small process beside us. To start one the kernel copies the tables of the caller's
 * memory first: with thousands of ports that would hold up all that the caller does for 10 to 20 ms each time.
 */
export class Runner {
  #life: Life | undefined;
  #orders = 0;

  /** To be called while there is little memory to copy; without it the first `run` does. Its process id. */
  start(): number | undefined {
    return this.#start().child.pid;
  }

  /** Errors: HARBOR_DATA_PLANE_UNAVAILABLE with the end of what the program said, or where nobody can say. */
  readonly run: Run = (program, args, input) =>
    new Promise((resolve, reject) => {
      const { child, waiting } = this.#life ?? this.#start();
      const id = ++this.#orders;
      waiting.set(id, { resolve, reject });
      // Where it cannot be sent the process has ended, of which we are told.
      child.send({ id, program, args, input } satisfies Order, () => undefined);
    });

  /** The process ends when what it has been asked is done. */
  close(): void {
    const child = this.#life?.child;
    this.#life = undefined;
    if (child?.connected) child.disconnect();
  }

  #start(): Life {
    // Its input and output are nobody's; what it may have to say before it ends belongs to our errors.
    const child = fork(MAIN, [], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'], execArgv: [] });
    const life = { child, waiting: new Map<number, Waiting>() };
    const ended = (): void => this.#ended(life);
    child.once('exit', ended).on('error', ended);
    child.on('message', (outcome) => heard(life, outcome as Outcome));
    this.#life = life;
    return life;
  }

  /** What it had under way may have been done or not; the next order starts another one. */
  #ended(life: Life): void {
    if (this.#life === life) this.#life = undefined;
    const message = 'the process that runs nft and conntrack for us has ended';
    for (const { reject } of life.waiting.values())
      reject(new HarborError('HARBOR_DATA_PLANE_UNAVAILABLE', message));
    life.waiting.clear();
  }
}

function heard({ waiting }: Life, { id, out, error }: Outcome): void {
  const asked = waiting.get(id);
  waiting.delete(id);
  if (out !== undefined) asked?.resolve(out);
  else asked?.reject(new HarborError('HARBOR_DATA_PLANE_UNAVAILABLE', error ?? 'it gave no reason'));
}
