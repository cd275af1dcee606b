import { asHarborError, type Clock, type Instance, type Millis } from '@harbor/core';
import type { Log, MessageBus } from '../dependencies.js';
import type { SharedState } from '../state/shared-state.js';
import type { Deprovisioner } from './deprovision.js';
import type { OperationLocks } from './locks.js';

/** A creation under way for longer than this is a dead process's: the node's time is up six times over. */
const ABANDONED_AFTER: Millis = 30_000;
const SWEEP_INTERVAL: Millis = 60_000;

export interface RecoveryParts {
  readonly state: SharedState;
  readonly bus: MessageBus;
  readonly deprovisioner: Deprovisioner;
  readonly locks: OperationLocks;
  readonly clock: Clock;
  readonly log: Log;
}

/** Finishes or takes back what crashed processes and outages left half-done. */
export class Recovery {
  #cancel: () => void = () => undefined;
  #stopped = false;
  #running = Promise.resolve();

  constructor(readonly parts: RecoveryParts) {}

  /** Sweeps now, and from then on as often as needed. */
  start(): void {
    void this.sweep();
  }

  /** Resolves when a sweep under way has ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel();
    await this.#running;
  }

  /** Looks at every intent once, after a sweep under way. Never rejects: what fails is tried again. */
  sweep(): Promise<void> {
    this.#running = this.#running.then(async () => {
      this.#cancel();
      await this.#sweep();
      if (this.#stopped) return;
      this.#cancel = this.parts.clock.schedule(this.#nextSweep(), () => void this.sweep());
    });
    return this.#running;
  }

  async #sweep(): Promise<void> {
    const { state, bus } = this.parts;
    const intents = [...state.replica.all('instance')].filter((instance) => this.#isIntent(instance));
    for (const { id } of intents) {
      if (this.#stopped || !bus.connected) return;
      await this.#recover(id);
    }
  }

  async #recover(id: string): Promise<void> {
    const { locks, log } = this.parts;
    if (locks.isHeld(id)) return;
    try {
      await locks.hold(id, () => this.#settle(id));
    } catch (thrown) {
      const { code, message } = asHarborError(thrown);
      log.warn({ event: 'recovery_postponed', instance: id, code, reason: message }, 'will try again');
    }
  }

  async #settle(id: string): Promise<void> {
    const { state, deprovisioner, clock, log } = this.parts;
    const instance = state.replica.get('instance', id);
    const revision = state.replica.revisionOf('instance', id);
    // Looked at anew: while earlier intents were settled this one may have come to its end.
    if (!instance || revision === undefined || instance.state === 'ready') return;
    if (dueIn(instance, clock.now()) > 0) return;
    const { node, state: left } = instance;
    log.warn({ event: 'recovering', instance: id, node, state: left }, 'finishing what was left');
    if (left === 'creating') await deprovisioner.rollBack(instance, revision);
    else await deprovisioner.finish(instance, revision);
  }

  /** A young intent of another process is looked at as soon as it counts as abandoned. */
  #nextSweep(): Millis {
    const { state, clock } = this.parts;
    const now = clock.now();
    const waits = [...state.replica.all('instance')]
      .filter((instance) => this.#isIntent(instance))
      .map((instance) => dueIn(instance, now))
      .filter((wait) => wait > 0);
    return Math.min(SWEEP_INTERVAL, ...waits);
  }

  #isIntent(instance: Instance): boolean {
    return instance.state !== 'ready' && !this.parts.locks.isHeld(instance.id);
  }
}

function dueIn(instance: Instance, now: Millis): Millis {
  return instance.state === 'deleting' ? 0 : instance.createdAt + ABANDONED_AFTER - now;
}
