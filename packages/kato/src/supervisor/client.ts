import { HarborError, reportedError } from '@harbor/core';
import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { createInterface } from 'node:readline';
import type { DrainStatus } from '../drain/forwarder.js';
import type { Outcome } from './control.js';
import type { ProcessStatus, Progress, SupervisorView } from './supervisor.js';

/** Thrown where nobody listens on the socket. */
export class NobodyThere extends Error {}

/** Talks to a home's supervisor. `patience`: how long it may take to say how things stand, ms; for ever where left out. */
export class SupervisorClient {
  constructor(
    readonly socket: string,
    readonly patience?: number,
  ) {}

  /** Errors: NobodyThere, HARBOR_SUPERVISOR_UNAVAILABLE. */
  async status(): Promise<ProcessStatus[]> {
    return [...(await this.view()).processes];
  }

  /** The same with what stands behind it. */
  async view(): Promise<SupervisorView> {
    return (await this.#answer('GET', '/status')) as SupervisorView;
  }

  /** How the log drains stand. */
  async drains(): Promise<DrainStatus[]> {
    return ((await this.#answer('GET', '/drains')) as { drains: DrainStatus[] }).drains;
  }

  /** Makes it send the logs where the home's file says. Errors: HARBOR_CONFIG_INVALID. */
  async reloadDrains(): Promise<void> {
    const outcome = (await this.#answer('POST', '/drains/reload')) as Outcome;
    if (!outcome.done) throw reportedError(outcome.code, outcome.message);
  }

  /** Has other nodes reach this core, from now on. Errors: HARBOR_NODE_ATTACHED, HARBOR_ADDRESS_IN_USE. */
  async openFront(): Promise<void> {
    const outcome = (await this.#answer('POST', '/front/open')) as Outcome;
    if (!outcome.done) throw reportedError(outcome.code, outcome.message);
  }

  /** Resolves when all serve. Errors: what stopped one of them, with the end of its log in `details.log`. */
  start(names: readonly string[], progress: (progress: Progress) => void): Promise<void> {
    return this.#change('/start', { names }, progress);
  }

  /** With `shutdown` the supervisor ends too. */
  stop(names: readonly string[], progress: (progress: Progress) => void, shutdown = false): Promise<void> {
    return this.#change('/stop', { names, shutdown }, progress);
  }

  restart(names: readonly string[], progress: (progress: Progress) => void): Promise<void> {
    return this.#change('/restart', { names }, progress);
  }

  /**
   * Resolves when the supervisor has gone, however; rejects with NobodyThere where there is none. `guarding` is
   * told when the supervisor, too, will notice the end of who asks.
   */
  async untilGone(guarding: () => void = () => undefined): Promise<void> {
    const response = await this.#ask('GET', '/guard');
    guarding();
    response.resume();
    await once(response, 'close').catch(() => undefined);
  }

  async #change(path: string, body: object, progress: (progress: Progress) => void): Promise<void> {
    const response = await this.#ask('POST', path, body);
    let outcome: Outcome | undefined;
    try {
      for await (const line of createInterface({ input: response })) {
        const value = JSON.parse(line) as Progress | Outcome;
        if ('done' in value) outcome = value;
        else progress(value);
      }
    } catch (cause) {
      throw new HarborError('HARBOR_NOT_RUNNING', 'the supervisor ended before it was done', { cause });
    }
    if (outcome?.done) return;
    if (!outcome) throw new HarborError('HARBOR_NOT_RUNNING', 'the supervisor ended before it was done');
    throw reportedError(outcome.code, outcome.message, { log: outcome.log });
  }

  /** What is looked at is there at once; one that does not answer in time is stopped or stuck. */
  async #answer(method: string, path: string): Promise<unknown> {
    const patience = method === 'GET' ? this.patience : undefined;
    const signal = patience === undefined ? undefined : AbortSignal.timeout(patience);
    try {
      let text = '';
      for await (const chunk of await this.#ask(method, path, undefined, signal)) text += String(chunk);
      return JSON.parse(text);
    } catch (cause) {
      if (!signal?.aborted) throw cause;
      const message = `the supervisor of this home does not answer within ${(patience ?? 0) / 1_000} s`;
      throw new HarborError('HARBOR_SUPERVISOR_UNAVAILABLE', message, { cause });
    }
  }

  #ask(method: string, path: string, body?: object, signal?: AbortSignal): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const headers = body ? { 'content-type': 'application/json' } : {};
      const options = { socketPath: this.socket, method, path, headers, ...(signal ? { signal } : {}) };
      const asking = request(options, resolve);
      asking.once('error', (error: NodeJS.ErrnoException) => {
        const nobody =
          error.code === 'ENOENT' || error.code === 'ECONNREFUSED' || error.code === 'ECONNRESET';
        reject(nobody ? new NobodyThere(error.message) : error);
      });
      asking.end(body ? JSON.stringify(body) : undefined);
    });
  }
}
