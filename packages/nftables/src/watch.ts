import { backoffDelay, type Clock, type Random } from '@harbor/core';
import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { TABLE } from './service.js';

/** A change of ours that nobody has told us of by now was made before we listened, ms. */
const EXPECTED_WITHIN = 1_000;
/** The waits before the monitor is started again, ms. */
const RESTART = { first: 100, most: 5_000 };
/** What ends a transaction in the output of `nft monitor`. */
const END_OF_TRANSACTION = '# new generation';
/** What it says when the kernel had more to tell than it could hear. */
const LOST = '# ERROR';

export interface WatchOptions {
  /** Somebody else changed our table, or may have while we could not see it. */
  readonly onForeignChange: () => void;
  readonly clock: Clock;
  readonly random: Random;
}

/**
 * Notices when somebody else changes our table. The kernel tells of every transaction, ours too, so ours are
 * counted; a process id would not do, it differs between namespaces.
 */
export class TableWatch {
  #child: ChildProcess | undefined;
  /** Our own transactions that the kernel has not told of yet, the oldest first. */
  readonly #expected: symbol[] = [];
  #touched = false;
  #attempt = 0;
  #closed = false;

  constructor(readonly options: WatchOptions) {}

  start(): void {
    const child = spawn('nft', ['monitor'], { stdio: ['ignore', 'pipe', 'ignore'] });
    this.#child = child;
    createInterface({ input: child.stdout }).on('line', (line) => this.heard(line));
    child.once('error', () => this.#ended(child));
    child.once('exit', () => this.#ended(child));
  }

  /** To be called before each transaction of ours; what it returns, when that has ended. */
  expect(): (committed: boolean) => void {
    const ours = Symbol('transaction');
    this.#expected.push(ours);
    return (committed) => {
      const forget = (): void => {
        const at = this.#expected.indexOf(ours);
        if (at >= 0) this.#expected.splice(at, 1);
      };
      if (committed) this.options.clock.schedule(EXPECTED_WITHIN, forget);
      else forget();
    };
  }

  /** A line of `nft monitor`. */
  heard(line: string): void {
    this.#attempt = 0;
    if (line.startsWith(LOST)) {
      this.options.onForeignChange();
      return;
    }
    if (!line.startsWith(END_OF_TRANSACTION)) {
      if (line.includes(` ${TABLE}`)) this.#touched = true;
      return;
    }
    if (!this.#touched) return;
    this.#touched = false;
    if (this.#expected.shift() === undefined) this.options.onForeignChange();
  }

  close(): void {
    this.#closed = true;
    this.#child?.kill('SIGTERM');
  }

  #ended(child: ChildProcess): void {
    if (this.#closed || this.#child !== child) return;
    const { clock, random, onForeignChange } = this.options;
    clock.schedule(backoffDelay(RESTART, this.#attempt++, random), () => {
      if (this.#closed) return;
      this.start();
      onForeignChange();
    });
  }
}
