import {
  HarborError,
  Replica,
  type Commit,
  type CommitResult,
  type ErrorCode,
  type Expectation,
  type Write,
} from '@harbor/core';
import { parse, type z } from '@harbor/wire';
import type { Log, MessageBus, StateFollower, StateStore } from '../../src/dependencies.js';

/** The shared state in memory, with the commit semantics of the real one. */
export class MemoryState implements StateStore, StateFollower {
  readonly replica = new Replica();
  /** Called before each commit: a test throws here, or changes the state behind the caller's back. */
  beforeCommit: (commit: Commit) => void = () => undefined;
  #revision = 0;

  async commit(commit: Commit): Promise<CommitResult> {
    this.beforeCommit(commit);
    const unmet = commit.expect.find((expectation) => !this.#holds(expectation));
    if (unmet) return { done: false, unmet };
    return { done: true, revision: this.write(commit.write) };
  }

  async caughtUp(): Promise<void> {
    return Promise.resolve();
  }

  write(writes: readonly Write[]): number {
    this.#revision += 1;
    for (const write of writes) this.replica.apply({ ...write, revision: this.#revision });
    return this.#revision;
  }

  #holds(expectation: Expectation): boolean {
    const revision = this.replica.revisionOf(expectation.kind, expectation.id);
    if (expectation.is === 'at') return revision === expectation.revision;
    return (revision === undefined) === (expectation.is === 'absent');
  }
}

type Answer = (value: unknown) => unknown;

/** NATS within the test: who answers what is said by the test. */
export class MemoryBus implements MessageBus {
  connected = true;
  readonly published: { subject: string; value: unknown }[] = [];
  readonly asked: { subject: string; value: unknown }[] = [];
  readonly #answers = new Map<string, Answer>();
  readonly #subscribed = new Map<string, (value: unknown) => void>();
  /** Subjects whose listener takes a request and never answers. */
  readonly silent = new Set<string>();
  onPublish: (subject: string) => void = () => undefined;

  answer(subject: string, answer: Answer): void {
    this.#answers.set(subject, answer);
  }

  /** A message from outside; one that does not fit its schema is dropped. */
  deliver(subject: string, value: unknown): void {
    this.#subscribed.get(subject)?.(value);
  }

  publish(subject: string, value: unknown): void {
    this.published.push({ subject, value });
    this.onPublish(subject);
  }

  subscribe<T>(subject: string, schema: z.ZodType<T>, handle: (value: T) => void): void {
    this.#subscribed.set(subject, (value) => {
      const result = schema.safeParse(value);
      if (result.success) handle(result.data);
    });
  }

  readonly #served = new Map<string, (value: unknown) => Promise<unknown>>();

  serve<T>(subject: string, schema: z.ZodType<T>, answer: (value: T) => Promise<unknown>): void {
    this.#served.set(subject, async (value) =>
      answer(parse(schema, value, 'HARBOR_MESSAGE_INVALID', subject)),
    );
  }

  /** A request from outside; resolves with the gateway's answer. */
  async ask(subject: string, value: unknown): Promise<unknown> {
    return this.#served.get(subject)?.(value);
  }

  async request<T>(
    subject: string,
    value: unknown,
    reply: z.ZodType<T>,
    options: { readonly unanswered: ErrorCode },
  ): Promise<T> {
    const details = { delivered: false };
    if (!this.connected) throw new HarborError('HARBOR_NATS_UNAVAILABLE', 'away', { details });
    this.asked.push({ subject, value });
    if (this.silent.has(subject)) throw new HarborError(options.unanswered, 'no answer in time');
    const answer = this.#answers.get(subject);
    if (!answer) throw new HarborError(options.unanswered, 'nobody listens', { details });
    return parse(reply, await answer(value), 'HARBOR_MESSAGE_INVALID', subject);
  }
}

/** A log that keeps what it is told. */
export class MemoryLog implements Log {
  readonly lines: object[] = [];
  readonly info = (fields: object): void => void this.lines.push(fields);
  readonly warn = this.info;
  readonly error = this.info;
}
