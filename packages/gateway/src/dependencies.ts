import type { Commit, CommitResult, ErrorCode, Replica } from '@harbor/core';
import type { z } from '@harbor/wire';

/** What the gateway needs of the shared state's writer; `Store` of @harbor/store is one. */
export interface StateStore {
  commit(commit: Commit): Promise<CommitResult>;
}

/** What it needs of the reader: a copy that moves forward by itself, and a way to wait for a revision. */
export interface StateFollower {
  readonly replica: Replica;
  caughtUp(revision: number): Promise<void>;
}

/** What it needs of NATS; `Bus` of @harbor/bus is one. */
export interface MessageBus {
  readonly connected: boolean;
  publish(subject: string, value: unknown): void;
  request<T>(
    subject: string,
    value: unknown,
    reply: z.ZodType<T>,
    options: { readonly timeoutMs: number; readonly unanswered: ErrorCode },
  ): Promise<T>;
  subscribe<T>(subject: string, schema: z.ZodType<T>, handle: (value: T) => void): unknown;
  /** `unreadable`: what to answer to what is no JSON. */
  serve<T>(
    subject: string,
    schema: z.ZodType<T>,
    answer: (value: T) => Promise<unknown>,
    unreadable?: () => unknown,
  ): unknown;
}

/** Where the gateway writes its log; a pino logger is one. */
export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Who may use the gateway (basic authentication). */
export type { Account } from '@harbor/component';
