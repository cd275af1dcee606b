import { asHarborError } from '@harbor/core';
import fastify, { type FastifyInstance, type FastifyReply } from 'fastify';
import { chmodSync, rmSync } from 'node:fs';
import type { Drains } from '../drain/drains.js';
import type { Front } from '../cluster/front.js';
import type { Progress, Supervisor, SupervisorView } from './supervisor.js';

/** The last line of the answer to start, stop and restart, and the whole one to what is done at once. */
export type Outcome =
  | { readonly done: true }
  | {
      readonly done: false;
      readonly code: string;
      readonly message: string;
      readonly log: readonly string[];
    };

export interface ControlOptions {
  readonly supervisor: Supervisor;
  readonly drains: Drains;
  readonly front: Front;
  readonly socket: string;
  /** Told when a guard has connected. */
  readonly onGuard: () => void;
  /** Told when the guard's connection has ended. */
  readonly onGuardGone: () => void;
  /** Told when everything has been stopped on purpose. */
  readonly onShutdown: () => void;
}

interface Names {
  readonly names: readonly string[];
  readonly shutdown?: boolean;
}

/** What `kato` asks the supervisor, as HTTP over a unix socket that only its owner can reach. */
export async function serveControl(options: ControlOptions): Promise<FastifyInstance> {
  const { supervisor, drains, front, socket } = options;
  const server = fastify({ forceCloseConnections: true });
  // One change after the other: two `kato start` at once do not start anything twice.
  let last = Promise.resolve();
  const inTurn = (work: () => Promise<void>): Promise<void> => {
    const turn = last.then(work);
    last = turn.catch(() => undefined);
    return turn;
  };
  const change = (
    path: string,
    work: (names: readonly string[], tell: (progress: Progress) => void) => Promise<void>,
  ) =>
    server.post<{ Body: Names }>(path, (request, reply) => {
      const tell = streamTo(reply);
      inTurn(() => work(request.body.names, tell))
        .then(
          () => tell({ done: true } satisfies Outcome),
          (thrown: unknown) => tell(failure(thrown)),
        )
        .finally(() => {
          reply.raw.end(() => {
            if (request.body.shutdown) options.onShutdown();
          });
        });
      return reply.hijack();
    });

  server.get('/status', (): SupervisorView => ({
    pid: process.pid,
    processes: supervisor.status(),
    reasons: supervisor.reasons(),
  }));
  server.get('/drains', () => ({ drains: drains.status() }));
  server.post('/drains/reload', (_request, reply) => {
    try {
      drains.reload();
      return { done: true } satisfies Outcome;
    } catch (thrown) {
      return reply.code(asHarborError(thrown).entry.status).send(failure(thrown));
    }
  });
  server.post('/front/open', async (_request, reply) => {
    try {
      await front.open();
      return { done: true } satisfies Outcome;
    } catch (thrown) {
      return reply.code(asHarborError(thrown).entry.status).send(failure(thrown));
    }
  });
  server.get('/guard', (request, reply) => {
    streamTo(reply)({ guarded: true });
    options.onGuard();
    request.raw.socket.once('close', options.onGuardGone);
    return reply.hijack();
  });
  change('/start', (names, tell) => supervisor.start(names, tell));
  change('/stop', (names, tell) => supervisor.stop(names, tell));
  change('/restart', async (names, tell) => {
    await supervisor.stop(names, tell);
    await supervisor.start(names, tell);
  });

  rmSync(socket, { force: true });
  await server.listen({ path: socket });
  chmodSync(socket, 0o600);
  return server;
}

/** Writes one line of JSON at a time. */
function streamTo(reply: FastifyReply): (value: object) => void {
  reply.raw.writeHead(200, { 'content-type': 'application/x-ndjson' });
  return (value) => reply.raw.write(`${JSON.stringify(value)}\n`);
}

function failure(thrown: unknown): Outcome {
  const error = asHarborError(thrown);
  const log = Array.isArray(error.details.log) ? error.details.log.map(String) : [];
  return { done: false, code: error.code, message: error.message, log };
}
