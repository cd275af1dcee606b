import { Restarts } from '@harbor/core';
import { createStdoutLogger } from '@harbor/log';
import { systemClock, systemRandom, untilSignal } from '@harbor/machine';
import cluster, { type Worker } from 'node:cluster';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Flags } from './options.js';
import type { Part } from './serve.js';

/** What a worker is told when it asks. */
interface Place {
  readonly at: number;
  readonly of: number;
  /** base64 */
  readonly ticketKeys: string;
}

/** What session tickets are sealed with, bytes (tls.createServer). */
const TICKET_KEYS = 48;

/**
 * Several processes that accept connections at one port; this one looks after them. Resolves when it is told to
 * end and all of them have ended, or when the first cannot serve, with its exit code.
 */
export async function superviseWorkers({ workers, logLevel }: Flags): Promise<void> {
  // A connection handed out costs more than one taken: whoever has time takes the next one.
  cluster.schedulingPolicy = cluster.SCHED_NONE;
  const log = createStdoutLogger({ name: 'harbor_https_proxy', level: logLevel });
  const ticketKeys = randomBytes(TICKET_KEYS).toString('base64');
  const running = new Set<Worker>();
  const end = new AbortController();
  const launch = (at: number): Worker => {
    const worker = cluster.fork();
    running.add(worker);
    worker.once('message', () => worker.send({ at, of: workers, ticketKeys } satisfies Place));
    return worker;
  };
  const keep = (worker: Worker, at: number, restarts = new Restarts(systemRandom)): void => {
    const since = systemClock.now();
    worker.once('exit', (code, signal) => {
      running.delete(worker);
      if (end.signal.aborted) return;
      const how = signal ? `was ended by ${signal}` : `ended with ${code}`;
      log.error({ event: 'worker_ended', worker: at }, `worker ${at} ${how}; it is started again`);
      systemClock.schedule(restarts.wait(systemClock.now() - since), () => {
        if (!end.signal.aborted) keep(launch(at), at, restarts);
      });
    });
  };
  const asked = untilSignal().then(() => end.abort());
  const first = launch(0);
  const code = await Promise.race([
    once(first, 'listening').then(() => undefined),
    once(first, 'exit').then(([ended]) => Number(ended ?? 1)),
    asked.then(() => undefined),
  ]);
  if (code !== undefined) process.exit(code);
  keep(first, 0);
  for (let at = 1; at < workers && !end.signal.aborted; at++) keep(launch(at), at);
  await asked;
  await Promise.all(
    [...running].map(async (worker) => {
      const ended = once(worker, 'exit');
      worker.process.kill('SIGTERM');
      await ended;
    }),
  );
  process.exit(0);
}

/** What this worker is among the others; it ends when the process that started it does. */
export async function joinAsWorker(): Promise<Part> {
  // Told to end before it is told what it is, it ends all the same.
  const ended = untilSignal();
  // Whoever signals the whole group means the one that started it, which passes it on.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => undefined);
  const told = once(process, 'message');
  // What is sent before somebody listens is lost.
  process.send?.('where am I');
  const [{ at, of, ticketKeys }] = (await told) as [Place];
  return { ended, leads: at === 0, of, ticketKeys: Buffer.from(ticketKeys, 'base64') };
}
