import { HarborError, Replica, type Change, type Kind, type Snapshot } from '@harbor/core';
import { decodeRecord } from '@harbor/wire';
import type { Redis } from 'ioredis';
import { CHANGES_KEY, EPOCH_KEY, REVISION_KEY } from './scripts.js';

/** What a reader is told. The replica already holds what the call is about. */
export interface FollowEvents {
  /**
   * Everything may be different: at the start, after a gap, after another life of the state; `replaced`
   * where another state has taken the place of the one that was followed.
   */
  readonly onReset: (replica: Replica, replaced: boolean) => void;
  readonly onChange: (change: Change, replica: Replica) => void;
  /** Redis went away; the replica keeps what it has. Told once per outage. */
  readonly onAway?: (error: unknown) => void;
  readonly onBack?: () => void;
  /** A record that is not of the form Harbor writes; it is left out. */
  readonly onCorrupt?: (error: HarborError) => void;
}

export interface Follower {
  readonly replica: Replica;
  /** Resolves when the replica holds the given revision. */
  caughtUp(revision: number): Promise<void>;
  close(): void;
}

interface FollowOptions {
  readonly redis: Redis;
  readonly kinds: readonly Kind[];
  readonly events: FollowEvents;
  readonly snapshot: () => Promise<Snapshot>;
  /**
   * Another connection may lead to another primary, which never had the last changes of the one before and
   * has given their revisions to others: everything is read again.
   */
  readonly failsOver: boolean;
}

/** How long a read waits for changes before it looks whether it is still in the same life, ms. */
const BLOCK = 2_000;
/** The wait before a failed read is tried again, ms. */
const RETRY = 200;

/**
 * Follows the log of changes by revision. A notification cannot be missed: the log is read from the
 * last revision on, a gap in it (it is bounded) or another epoch means reading everything again.
 */
export async function follow(options: FollowOptions): Promise<Follower> {
  const follower = new LogFollower(options);
  await follower.start();
  return follower;
}

class LogFollower implements Follower {
  readonly replica = new Replica();
  readonly #kinds: ReadonlySet<string>;
  #epoch: string | undefined;
  #revision = 0;
  #closed = false;
  #away = false;
  /** How many connections were lost, and how many when everything was read last. */
  #lost = 0;
  #lostAtReset = 0;
  #waiting: { revision: number; resolve: () => void }[] = [];

  constructor(readonly options: FollowOptions) {
    this.#kinds = new Set(options.kinds);
    if (options.failsOver) options.redis.on('close', () => (this.#lost += 1));
  }

  /** Resolves after the first whole read; errors of that one are the caller's. */
  async start(): Promise<void> {
    try {
      await this.#resync();
    } catch (error) {
      this.close();
      throw error;
    }
    void this.#loop();
  }

  caughtUp(revision: number): Promise<void> {
    if (this.#revision >= revision) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ revision, resolve }));
  }

  close(): void {
    this.#closed = true;
    this.options.redis.disconnect();
    for (const { resolve } of this.#waiting.splice(0)) resolve();
  }

  async #loop(): Promise<void> {
    while (!this.#closed) {
      try {
        await this.#read();
      } catch (error) {
        if (this.#closed as boolean) return;
        if (!this.#away) this.options.events.onAway?.(error);
        this.#away = true;
        await new Promise((resolve) => setTimeout(resolve, RETRY).unref());
      }
    }
  }

  async #read(): Promise<void> {
    const { redis } = this.options;
    // Also after an outage: Redis may have come back with another state, or an older one.
    const [epoch, revision] = await redis.mget(EPOCH_KEY, REVISION_KEY);
    if (this.#away) this.#isBack();
    const older = (epoch ?? '') !== this.#epoch || Number(revision ?? 0) < this.#revision;
    if (older || this.#lost !== this.#lostAtReset) return this.#resync();
    const from = `${this.#revision}-${Number.MAX_SAFE_INTEGER}`;
    const reply = await redis.xread('BLOCK', BLOCK, 'STREAMS', CHANGES_KEY, from);
    const entries = reply?.[0]?.[1] ?? [];
    const first = entries[0];
    if (first && revisionOf(first[0]) !== this.#revision + 1) return this.#resync();
    for (const [id, fields] of entries) this.#change(revisionOf(id), fields);
    this.#reached();
  }

  async #resync(): Promise<void> {
    const lost = this.#lost;
    const snapshot = await this.options.snapshot();
    this.#lostAtReset = lost;
    const replaced = this.#epoch !== undefined && this.#epoch !== snapshot.epoch;
    this.#epoch = snapshot.epoch;
    this.#revision = snapshot.revision;
    this.replica.reset(snapshot);
    this.options.events.onReset(this.replica, replaced);
    this.#reached();
  }

  #change(revision: number, fields: readonly string[]): void {
    this.#revision = revision;
    const [, kind = '', , id = '', , text] = fields;
    if (!this.#kinds.has(kind)) return;
    try {
      const value = text === undefined ? undefined : decodeRecord(kind as Kind, id, text);
      const change = { kind, id, value, revision } as Change;
      this.replica.apply(change);
      this.options.events.onChange(change, this.replica);
    } catch (error) {
      if (!(error instanceof HarborError) || error.code !== 'HARBOR_STATE_CORRUPT') throw error;
      this.options.events.onCorrupt?.(error);
    }
  }

  #isBack(): void {
    this.#away = false;
    this.options.events.onBack?.();
  }

  #reached(): void {
    const ready = this.#waiting.filter(({ revision }) => revision <= this.#revision);
    this.#waiting = this.#waiting.filter(({ revision }) => revision > this.#revision);
    for (const { resolve } of ready) resolve();
  }
}

function revisionOf(id: string): number {
  return Number(id.slice(0, id.indexOf('-')));
}
