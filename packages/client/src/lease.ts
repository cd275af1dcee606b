import { Events, type NatsConnection, type Subscription } from 'nats';
import { closed, natsError } from './connection.js';
import { parseStart, SUBJECTS, type RegisterMessage, type StartMessage } from './messages.js';
import type { BackendEvent } from './options.js';

/** How long a node may take to answer, ms. */
const GREETING = 2_000;
/** A node may not make us register more often, or forget us for longer, s. */
const BOUNDS = { least: 1, most: 3_600 };

export interface LeaseOptions {
  readonly nats: NatsConnection;
  readonly message: RegisterMessage;
  /** Until a node says otherwise, s. */
  readonly interval: number;
  /** Calls `task` once after `delay` ms; the function returned cancels it. */
  readonly schedule: (delay: number, task: () => void) => () => void;
  readonly tell: (event: BackendEvent) => void;
  /** Called when the connection has ended for good. */
  readonly onLost: () => void;
}

/** Says that an instance is there, again and again, until it is told to stop. */
export class Lease {
  readonly #payload: string;
  #interval: number;
  #cancel = (): void => undefined;
  #subscription: Subscription | undefined;
  #ended = false;
  #over = (): void => undefined;
  readonly #ending = new Promise<void>((resolve) => (this.#over = resolve));

  constructor(readonly options: LeaseOptions) {
    this.#payload = JSON.stringify(options.message);
    this.#interval = options.interval;
  }

  /** How often it registers now, s. */
  get interval(): number {
    return this.#interval;
  }

  /**
   * Registers; the server has the message when this resolves, unless the lease was ended meanwhile.
   * Errors: HARBOR_CLIENT_NATS_UNAVAILABLE.
   */
  async start(): Promise<void> {
    const { nats } = this.options;
    this.#subscription = nats.subscribe(SUBJECTS.start, {
      callback: (error, message) => {
        const start = error ? undefined : parseStart(message.string());
        if (start) this.#greeted(start);
      },
    });
    void this.#watch();
    void nats.closed().then(() => this.#lost());
    this.#register('start');
    try {
      // A connection that was given may be away for long.
      await Promise.race([nats.flush(), this.#ending]);
    } catch (cause) {
      throw natsError(cause, nats.getServer());
    }
    void this.#greet();
  }

  /** Takes the instance away. Resolves when the server has heard it; an absent server is not waited for. */
  async stop(patience: number): Promise<void> {
    if (this.#ended) return;
    this.#end();
    const { nats, schedule } = this.options;
    if (nats.isClosed()) return;
    nats.publish(SUBJECTS.unregister, this.#payload);
    let cancel = (): void => undefined;
    const late = new Promise<void>((resolve) => (cancel = schedule(patience, resolve)));
    // Where the server is away, the lease runs out by itself.
    await Promise.race([nats.flush().catch(() => undefined), late]);
    cancel();
  }

  #end(): void {
    this.#ended = true;
    this.#over();
    this.#cancel();
    if (!this.options.nats.isClosed()) this.#subscription?.unsubscribe();
  }

  #register(because: 'start' | 'interval' | 'greeting' | 'reconnect'): void {
    const { nats, schedule, tell } = this.options;
    if (this.#ended || nats.isClosed()) return;
    nats.publish(SUBJECTS.register, this.#payload);
    this.#cancel();
    this.#cancel = schedule(this.#interval * 1_000, () => this.#register('interval'));
    tell({ type: 'registered', because });
  }

  #greeted(node: StartMessage): void {
    if (this.#ended) return;
    this.#adopt(node);
    this.#register('greeting');
  }

  #adopt(node: StartMessage): void {
    const { least, most } = BOUNDS;
    this.#interval = Math.min(most, Math.max(least, node.minimumRegisterIntervalInSeconds));
    this.options.tell({ type: 'greeted', node });
  }

  /** Asks a node how often; where none is there yet, its `harbor.start` will say it. */
  async #greet(): Promise<void> {
    const { nats } = this.options;
    const answer = await nats.request(SUBJECTS.greet, '{}', { timeout: GREETING }).catch(() => undefined);
    const start = answer && parseStart(answer.string());
    if (start) this.#greeted(start);
  }

  async #watch(): Promise<void> {
    const { nats, tell } = this.options;
    for await (const { type, data } of nats.status()) {
      if (this.#ended) return;
      if (type === Events.Disconnect) tell({ type: 'disconnected' });
      else if (type === Events.Reconnect) {
        this.#register('reconnect');
        void this.#greet();
      } else if (type === Events.Error) {
        // The code of the nats package, as a text.
        const code = typeof data === 'string' ? data : type;
        tell({ type: 'error', error: natsError({ code, message: code }, nats.getServer()) });
      }
    }
  }

  #lost(): void {
    if (this.#ended) return;
    this.#end();
    this.options.tell({ type: 'error', error: closed() });
    this.options.onLost();
  }
}
