import {
  asHarborError,
  HarborError,
  reportedError,
  type Clock,
  type ErrorCode,
  type Random,
} from '@harbor/core';
import type { Logger } from '@harbor/log';
import { underParent } from '@harbor/machine';
import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { ProcessName } from '../processes/catalogue.js';
import { advance, STOPPED, type Lifecycle, type LifecycleEvent } from '../processes/lifecycle.js';
import type { ProcessSpec } from '../processes/spec.js';

import type { PidFile } from './pid-file.js';

export interface ManagedOptions {
  readonly name: ProcessName;
  /** Errors of it are final. */
  readonly prepare: () => Promise<ProcessSpec>;
  readonly env: NodeJS.ProcessEnv;
  readonly pidFile: PidFile;
  /** How long it may take to serve, and to end, ms. */
  readonly readyTimeout: () => number;
  readonly stopTimeout: () => number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** Failures that starting again cannot mend. */
const FINAL: readonly ErrorCode[] = [
  'HARBOR_CONFIG_INVALID',
  'HARBOR_DATA_PLANE_UNAVAILABLE',
  'HARBOR_ADDRESS_IN_USE',
  'HARBOR_ALREADY_RUNNING',
  'HARBOR_TOOL_MISSING',
];
/** Lines of its output that are kept to show why it ended. */
const KEPT_LINES = 20;
/** How often a server that cannot say so itself is asked whether it serves, ms. */
const PROBE_EVERY = 40;

/** One process: started, watched, started again after a crash, ended. */
export class ManagedProcess {
  #life: Lifecycle = STOPPED;
  #child: ChildProcess | undefined;
  #cancel: (() => void)[] = [];
  #failure: { code: ErrorCode; message: string } | undefined;
  #output: string[] = [];
  /** Counts the attempts: one that was called off while it was being prepared spawns nothing. */
  #attempt = 0;
  readonly #watchers = new Set<() => void>();

  constructor(readonly options: ManagedOptions) {}

  get life(): Lifecycle {
    return this.#life;
  }

  /** The last lines it wrote to stdout and stderr. */
  get output(): readonly string[] {
    return this.#output;
  }

  /** Resolves when it serves. Errors: HARBOR_PROCESS_FATAL when it is given up or not ready in time. */
  async start(): Promise<void> {
    // It may still be ending.
    await this.#until((life) => life.state !== 'STOPPING');
    this.#handle({ type: 'start' });
    await this.#until((life) => life.state !== 'STARTING' && life.state !== 'BACKOFF');
    if (this.#life.state === 'RUNNING') return;
    const reason = this.#life.reason ?? `it is ${this.#life.state}`;
    throw new HarborError(this.#failure?.code ?? 'HARBOR_PROCESS_FATAL', `${this.options.name}: ${reason}`);
  }

  /** Resolves when it has ended, killed if it takes too long. */
  async stop(): Promise<void> {
    this.#handle({ type: 'stop' });
    await this.#until((life) => life.state === 'STOPPED' || life.state === 'FATAL');
    this.#handle({ type: 'stop' });
  }

  #until(holds: (life: Lifecycle) => boolean): Promise<void> {
    if (holds(this.#life)) return Promise.resolve();
    return new Promise((resolve) => {
      const watcher = (): void => {
        if (!holds(this.#life)) return;
        this.#watchers.delete(watcher);
        resolve();
      };
      this.#watchers.add(watcher);
    });
  }

  #handle(event: LifecycleEvent): void {
    const before = this.#life;
    const { next, effect } = advance(before, event, this.options.clock.now(), this.options.random);
    this.#life = next;
    if (next.state !== before.state) this.#entered(before, next);
    if (effect.do === 'spawn') void this.#spawn();
    else if (effect.do === 'end') this.#end();
    else if (effect.do === 'retry') this.#later(effect.after, () => this.#handle({ type: 'retry' }));
  }

  #entered(before: Lifecycle, next: Lifecycle): void {
    this.#cancelTimers();
    const { name, log } = this.options;
    const fields = {
      event: 'process',
      child: name,
      from: before.state,
      to: next.state,
      pid: next.pid,
      reason: next.reason,
    };
    const bad = next.state === 'BACKOFF' || next.state === 'FATAL';
    log[bad ? 'error' : 'info'](fields, `${name} ${next.state}${next.reason ? `: ${next.reason}` : ''}`);
    for (const watcher of [...this.#watchers]) watcher();
  }

  async #spawn(): Promise<void> {
    const { name, pidFile, stopTimeout } = this.options;
    const attempt = ++this.#attempt;
    const calledOff = (): boolean => attempt !== this.#attempt || this.#life.state !== 'STARTING';
    this.#failure = undefined;
    this.#output = [];
    let spec: ProcessSpec;
    try {
      await pidFile.clear(stopTimeout());
      spec = await this.options.prepare();
    } catch (thrown) {
      if (calledOff()) return;
      const error = asHarborError(thrown);
      this.#failure = { code: error.code, message: error.message };
      this.#handle({ type: 'ended', reason: error.message, final: FINAL.includes(error.code) });
      return;
    }
    if (calledOff()) return;
    const [command, ...args] = underParent([spec.command, ...spec.args]);
    const stdio = ['ignore', 'pipe', 'pipe', ...(spec.probe ? [] : (['ipc'] as const))] as const;
    const child = spawn(command ?? '', args, { env: this.options.env, stdio: [...stdio], detached: true });
    this.#child = child;
    this.#capture(child);
    child.once('error', (error) => this.#ended(child, `${name} cannot be started: ${error.message}`));
    child.once('exit', (code, signal) => {
      this.#ended(child, signal ? `ended by ${signal}` : `ended with exit code ${code ?? '?'}`);
    });
    child.on('message', (message) => this.#heard(message));
    if (child.pid === undefined) return;
    pidFile.write(child.pid);
    this.#handle({ type: 'spawned', pid: child.pid });
    if (spec.probe) this.#probe(child, spec.probe);
    this.#later(this.options.readyTimeout(), () => {
      this.#failure = { code: 'HARBOR_PROCESS_FATAL', message: 'it did not serve in time' };
      child.kill('SIGKILL');
    });
  }

  #ended(child: ChildProcess, how: string): void {
    if (this.#child !== child) return;
    this.#child = undefined;
    this.options.pidFile.remove();
    const failure = this.#failure;
    const final = failure !== undefined && FINAL.includes(failure.code);
    this.#handle({ type: 'ended', reason: failure?.message ?? how, final });
  }

  #heard(message: unknown): void {
    const { type, code, message: text } = message as { type?: unknown; code?: unknown; message?: unknown };
    if (type === 'ready') this.#handle({ type: 'ready' });
    if (type === 'failed') this.#failure = reportedError(String(code), String(text));
  }

  #probe(child: ChildProcess, probe: () => Promise<void>): void {
    probe().then(
      () => this.#child === child && this.#handle({ type: 'ready' }),
      () =>
        this.#child === child &&
        this.#life.state === 'STARTING' &&
        this.#later(PROBE_EVERY, () => this.#probe(child, probe)),
    );
  }

  #end(): void {
    const child = this.#child;
    child?.kill('SIGTERM');
    this.#later(this.options.stopTimeout(), () => child?.kill('SIGKILL'));
  }

  #capture(child: ChildProcess): void {
    for (const stream of [child.stdout, child.stderr]) {
      if (!stream) continue;
      createInterface({ input: stream }).on('line', (line) => {
        this.#output = [...this.#output.slice(1 - KEPT_LINES), line.slice(0, 500)];
        this.options.log.info({ event: 'output', child: this.options.name }, line.slice(0, 2_000));
      });
    }
  }

  #later(delay: number, task: () => void): void {
    this.#cancel.push(this.options.clock.schedule(delay, task));
  }

  #cancelTimers(): void {
    for (const cancel of this.#cancel.splice(0)) cancel();
  }
}
