import {
  HarborError,
  type Change,
  type Commit,
  type CommitResult,
  type Expectation,
  type Kind,
  type Snapshot,
  type Write,
} from '@harbor/core';
import { decodeRecord, encodeRecord } from '@harbor/wire';
import type { Redis } from 'ioredis';
import { randomUUID } from 'node:crypto';
import { Confirmation } from './confirmation.js';
import { connectRedis, failsOver, redisError, type RedisAccess } from './connect.js';
import { follow, type Follower, type FollowEvents } from './follow.js';
import {
  COMMIT,
  COMMIT_KEYS,
  EPOCH_KEY,
  kindKey,
  KINDS,
  REPLACE,
  REVISION_KEY,
  SNAPSHOT,
} from './scripts.js';

export interface StoreOptions extends RedisAccess {
  /** Told of connection errors; they heal by themselves. */
  readonly onError: (error: Error) => void;
}

/** The shared state in Redis: atomic commits, snapshots, and readers that follow by revision. */
export class Store {
  readonly #redis: Redis;
  /** Where Redis fails over a commit counts when a replica has it. */
  readonly #confirmation: Confirmation | undefined;
  #lastError: Error | undefined;

  constructor(readonly options: StoreOptions) {
    this.#redis = connectRedis(options, 'commands', (error) => {
      this.#lastError = error;
      options.onError(error);
    });
    if (failsOver(options.url)) this.#confirmation = new Confirmation(this.#redis);
  }

  /**
   * Carries out a commit whole, or not at all where an expectation does not hold.
   * Errors: HARBOR_REDIS_UNAVAILABLE; whether the commit happened is then unknown.
   */
  async commit(commit: Commit): Promise<CommitResult> {
    const args = [randomUUID(), String(commit.expect.length), ...commit.expect.flatMap(expectationArgs)];
    for (const write of commit.write) args.push(...writeArgs(write));
    const [done, number = 0] = await this.#write('a commit', COMMIT, args, commit.write.length > 0);
    if (done === 1) return { done: true, revision: number };
    const unmet = commit.expect[number];
    if (!unmet) throw new HarborError('HARBOR_INTERNAL', `commit answered ${String(number)}`);
    return { done: false, unmet };
  }

  /**
   * Puts these records in the place of everything there is, in one step: who is killed meanwhile leaves the
   * old state or the new one. False where the state is no longer at the revision it was decided at.
   * Errors: HARBOR_REDIS_UNAVAILABLE; whether it happened is then unknown.
   */
  async replace(at: number, writes: readonly Write[]): Promise<boolean> {
    const args = [String(at), randomUUID()];
    for (const { kind, id, value } of writes)
      if (value !== undefined) args.push(String(KINDS.indexOf(kind)), id, encodeRecord(value));
    const [done] = await this.#write('an import', REPLACE, args, true);
    return done === 1;
  }

  /** All records of some kinds at one revision. */
  async snapshot(kinds: readonly Kind[]): Promise<Snapshot> {
    return this.#ask('a snapshot', () => readSnapshot(this.#redis, kinds));
  }

  /** Keeps a copy of some kinds current; resolves when it is complete for the first time. */
  async follow(kinds: readonly Kind[], events: FollowEvents): Promise<Follower> {
    const redis = connectRedis(this.options, 'follow', this.options.onError);
    // Over the same connection: another one may still be with a primary that was replaced.
    const snapshot = () => this.#ask('a snapshot', () => readSnapshot(redis, kinds));
    return follow({ redis, kinds, events, snapshot, failsOver: failsOver(this.options.url) });
  }

  /** True while the connection for commands stands. */
  get connected(): boolean {
    return this.#redis.status === 'ready';
  }

  /** Resolves when Redis answers. Errors: HARBOR_REDIS_UNAVAILABLE. */
  async ping(): Promise<void> {
    await this.#ask('a ping', () => this.#redis.ping());
  }

  close(): void {
    this.#redis.disconnect();
  }

  /** Runs a script that writes, where `writes` says so and it answers 1 first. */
  #write(doing: string, script: string, args: readonly string[], writes: boolean): Promise<number[]> {
    const run = async (): Promise<number[]> =>
      (await this.#redis.eval(script, COMMIT_KEYS.length, ...COMMIT_KEYS, ...args)) as number[];
    return this.#ask(doing, () =>
      this.#confirmation ? this.#confirmation.of(run, ([done]) => writes && done === 1) : run(),
    );
  }

  async #ask<T>(doing: string, command: () => Promise<T>): Promise<T> {
    try {
      return await command();
    } catch (cause) {
      throw redisError(cause, doing, this.#lastError);
    }
  }
}

async function readSnapshot(redis: Redis, kinds: readonly Kind[]): Promise<Snapshot> {
  const keys = [REVISION_KEY, EPOCH_KEY, ...kinds.map(kindKey)];
  const reply = await redis.eval(SNAPSHOT, keys.length, ...keys);
  const [revision, epoch, ...hashes] = reply as [number, string, ...string[][]];
  const records = kinds.flatMap((kind, index) => recordsOf(kind, hashes[index] ?? []));
  return { epoch, revision, records };
}

function expectationArgs(expectation: Expectation): string[] {
  const want = expectation.is === 'at' ? String(expectation.revision) : expectation.is;
  return [String(KINDS.indexOf(expectation.kind)), expectation.id, want];
}

function writeArgs(write: Write): string[] {
  const head = [String(KINDS.indexOf(write.kind)), write.kind, write.id];
  return write.value === undefined ? [...head, 'del', ''] : [...head, 'put', encodeRecord(write.value)];
}

function recordsOf(kind: Kind, flat: readonly string[]): Change[] {
  const records: Change[] = [];
  for (let at = 0; at + 1 < flat.length; at += 2) {
    const id = flat[at] ?? '';
    const stored = flat[at + 1] ?? '';
    const blank = stored.indexOf(' ');
    const value = decodeRecord(kind, id, stored.slice(blank + 1));
    records.push({ kind, id, value, revision: Number(stored.slice(0, blank)) } as Change);
  }
  return records;
}
