import { randomUUID } from 'node:crypto';
import { closed as connectionClosed, openNats, type Connected } from './connection.js';
import { HarborClientError } from './errors.js';
import { Lease } from './lease.js';
import type { RegisterMessage } from './messages.js';
import { messageOf, type BackendOptions } from './options.js';

/** How often to register until a node has said it, s: harbor_node's default. */
const INTERVAL = 20;
/** How long the farewell may take, ms. */
const FAREWELL = 2_000;

/** This program behind a port of Harbor, until it is closed. */
export interface Registration {
  /** What Harbor is told. */
  readonly message: Readonly<RegisterMessage>;
  /** How often it is told, s; the node decides. */
  readonly interval: number;
  /** Resolves when it has been closed, whoever did that. Never rejects. */
  readonly closed: Promise<void>;
  /**
   * Takes the program from the port: new connections go to others, those that are open go on. Resolves when NATS has
   * it, or after 2 s where it is away. A second call waits for the first. Never rejects.
   */
  close(): Promise<void>;
}

/**
 * Registers this program as an instance of a service and renews that until it is closed. Call it when the program
 * listens: from then on it is sent traffic.
 * Errors, a HarborClientError each: HARBOR_CLIENT_OPTIONS, HARBOR_CLIENT_NATS_UNAVAILABLE,
 * HARBOR_CLIENT_NATS_REFUSED, HARBOR_CLIENT_NATS_CLOSED, HARBOR_CLIENT_ABORTED.
 */
export async function registerBackend(options: BackendOptions): Promise<Registration> {
  const { nats, interval = INTERVAL, signal, closeOn = [], onEvent } = options;
  const message = messageOf(options, randomUUID);
  if (signal?.aborted) throw aborted(signal);
  const connected = await unlessAborted(openNats(nats, signal), signal);
  let finish = (): void => undefined;
  const closed = new Promise<void>((resolve) => (finish = resolve));
  const tell = onEvent ?? ((): void => undefined);
  const lease = new Lease({
    nats: connected.nats,
    message,
    interval,
    schedule,
    tell,
    onLost: () => void close(),
  });
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => (closing ??= end());
  const end = async (): Promise<void> => {
    signal?.removeEventListener('abort', onAbort);
    await lease.stop(FAREWELL);
    if (connected.own) await connected.nats.close();
    stopListening();
    tell({ type: 'closed' });
    finish();
  };
  const onAbort = (): void => void close();
  signal?.addEventListener('abort', onAbort, { once: true });
  const stopListening = closeOnSignals(closeOn, close);
  try {
    await lease.start();
  } catch (thrown) {
    await close();
    throw thrown;
  }
  if (closing) {
    await closing;
    throw signal?.aborted ? aborted(signal) : connectionClosed();
  }
  return {
    message,
    get interval() {
      return lease.interval;
    },
    closed,
    close,
  };
}

function schedule(delay: number, task: () => void): () => void {
  const timer = setTimeout(task, delay);
  return () => clearTimeout(timer);
}

/** A connection that comes too late is closed. */
async function unlessAborted(opening: Promise<Connected>, signal?: AbortSignal): Promise<Connected> {
  if (signal === undefined) return opening;
  let stop = (): void => undefined;
  const abort = new Promise<never>((_, reject) => {
    stop = () => reject(aborted(signal));
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([opening, abort]);
  } catch (thrown) {
    void opening.then(({ nats, own }) => (own ? nats.close() : undefined)).catch(() => undefined);
    throw thrown;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

function aborted(signal: AbortSignal): HarborClientError {
  const cause: unknown = signal.reason;
  return new HarborClientError('HARBOR_CLIENT_ABORTED', 'aborted before the registration stood', { cause });
}

/**
 * Closes at the signals, then lets the process end as the signal would have ended it, unless the program listens to
 * it, too. The function returned undoes it.
 */
function closeOnSignals(signals: readonly NodeJS.Signals[], close: () => Promise<void>): () => void {
  const onSignal = (name: NodeJS.Signals): void => {
    void close().then(() => {
      if (process.listenerCount(name) === 0) process.kill(process.pid, name);
    });
  };
  for (const name of signals) process.on(name, onSignal);
  return () => {
    for (const name of signals) process.off(name, onSignal);
  };
}
