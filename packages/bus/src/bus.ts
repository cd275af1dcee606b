import { HarborError, asHarborError, reportedError, type ErrorCode } from '@harbor/core';
import { parse, parseJson, z } from '@harbor/wire';
import {
  connect,
  ErrorCode as NatsError,
  Events,
  type Msg,
  type NatsConnection,
  type Subscription,
} from 'nats';
import { tlsOptions } from './tls.js';

/** A message that was ignored, for the log: where it came, why it was not taken, how it begins. */
export interface InvalidMessage {
  readonly subject: string;
  readonly reason: string;
  /** Its first 200 bytes. */
  readonly head: string;
}

export interface BusEvents {
  readonly onInvalid: (message: InvalidMessage) => void;
  /** A handler failed; the subscription goes on. */
  readonly onError: (subject: string, error: HarborError) => void;
  readonly onDisconnect?: () => void;
  readonly onReconnect?: () => void;
}

export interface BusOptions {
  readonly servers: readonly string[];
  readonly user?: string;
  readonly pass?: string;
  /** Refuse a server that does not offer TLS; one that requires it gets it anyway. */
  readonly encrypted?: boolean;
  /** The certificates (PEM) that servers have to be signed by; those Node.js knows where it is left out. */
  readonly ca?: string;
  /** Shown in NATS' own monitoring. */
  readonly name: string;
  /** Wait for a server that is not there yet (processes) or fail at once (commands). */
  readonly waitForServer: boolean;
  /** How long a server may take to let us in, ms; 3 s where it is left out. */
  readonly patience?: number;
  readonly events: BusEvents;
}

/** A failure that travels back to who asked. */
const remoteError = z.object({ harbor_error: z.object({ code: z.string(), message: z.string() }) });

/** The largest message that is looked at, bytes: a DEA's heartbeat with thousands of instances fits. */
const LARGEST = 1_048_576;

/** How long a server may take to let us in, ms. */
const PATIENCE = 3_000;

/** JSON over NATS, each message checked against a schema before anybody sees it. */
export class Bus {
  #connected = true;

  private constructor(
    readonly connection: NatsConnection,
    readonly events: BusEvents,
  ) {
    void this.#watch();
  }

  /** Connects. Errors: HARBOR_NATS_UNAVAILABLE, where it does not wait. */
  static async open(options: BusOptions): Promise<Bus> {
    try {
      const connection = await connect({
        servers: [...options.servers],
        name: options.name,
        maxReconnectAttempts: -1,
        reconnectTimeWait: 250,
        reconnectJitter: 100,
        waitOnFirstConnect: options.waitForServer,
        pingInterval: 5_000,
        maxPingOut: 2,
        timeout: options.patience ?? PATIENCE,
        ...(options.user === undefined ? {} : { user: options.user }),
        ...(options.pass === undefined ? {} : { pass: options.pass }),
        ...(options.encrypted === true || options.ca !== undefined ? { tls: tlsOptions(options) } : {}),
      });
      return new Bus(connection, options.events);
    } catch (cause) {
      const where = options.servers.map(withoutLogin).join(', ');
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new HarborError('HARBOR_NATS_UNAVAILABLE', `NATS at ${where} does not answer: ${reason}`, {
        cause,
      });
    }
  }

  get connected(): boolean {
    return this.#connected;
  }

  /** The largest message the server takes, bytes. */
  get maxPayload(): number {
    return this.connection.info?.max_payload ?? LARGEST;
  }

  /** Sends a message. While NATS is away it is kept and sent at return. */
  publish(subject: string, value: unknown): void {
    if (!this.connection.isClosed()) this.connection.publish(subject, JSON.stringify(value));
  }

  /**
   * Asks and waits for the answer.
   * Errors: HARBOR_NATS_UNAVAILABLE; `unanswered` where nobody listens or answers in time; whatever
   * HarborError the other side answered with. Where the question surely reached nobody, its
   * details say `delivered: false`.
   */
  async request<T>(
    subject: string,
    value: unknown,
    reply: z.ZodType<T>,
    options: { readonly timeoutMs: number; readonly unanswered: ErrorCode },
  ): Promise<T> {
    if (!this.#connected)
      throw new HarborError('HARBOR_NATS_UNAVAILABLE', `NATS is away (asking ${subject})`, {
        details: { delivered: false },
      });
    const text = await this.#ask(subject, value, options);
    const answer: unknown = parseJson(
      z.unknown(),
      text,
      'HARBOR_MESSAGE_INVALID',
      `the answer on ${subject}`,
    );
    const failed = remoteError.safeParse(answer);
    if (failed.success) {
      const { code, message } = failed.data.harbor_error;
      throw reportedError(code, message);
    }
    return parse(reply, answer, 'HARBOR_MESSAGE_INVALID', `the answer on ${subject}`);
  }

  /** Calls `handle` with every well-formed message; what is not is reported and ignored. */
  subscribe<T>(
    subject: string,
    schema: z.ZodType<T>,
    handle: (value: T, message: Msg) => void,
  ): Subscription {
    return this.connection.subscribe(subject, {
      callback: (error, message) => {
        if (error) return;
        try {
          handle(decode(schema, message), message);
        } catch (thrown) {
          this.#refused(message, asHarborError(thrown));
        }
      },
    });
  }

  /** Calls `handle` with every message, whatever is in it: old peers send words where nothing is needed. */
  hear(subject: string, handle: () => void): Subscription {
    return this.connection.subscribe(subject, {
      callback: (error) => {
        if (!error) handle();
      },
    });
  }

  /**
   * Answers requests; an error is answered too, so that nobody waits in vain: what is no JSON with what
   * `unreadable` makes of it.
   */
  serve<T>(
    subject: string,
    schema: z.ZodType<T>,
    answer: (value: T, message: Msg) => Promise<unknown>,
    unreadable: (error: HarborError) => unknown = reported,
  ): Subscription {
    return this.connection.subscribe(subject, {
      callback: (failed, message) => {
        if (failed) return;
        try {
          void this.#answer(schema, decode(z.unknown(), message), message, answer);
        } catch (thrown) {
          const error = asHarborError(thrown);
          this.#refused(message, error);
          message.respond(JSON.stringify(unreadable(error)));
        }
      },
    });
  }

  /** Resolves when what was published has reached the server. */
  async flush(): Promise<void> {
    await this.connection.flush();
  }

  /** Ends all subscriptions, sends what is left and closes; an absent server is not waited for. */
  async close(): Promise<void> {
    if (this.connection.isClosed()) return;
    if (this.#connected) await this.connection.drain().catch(() => undefined);
    await this.connection.close();
  }

  async #answer<T>(
    schema: z.ZodType<T>,
    value: unknown,
    message: Msg,
    answer: (value: T, message: Msg) => Promise<unknown>,
  ): Promise<void> {
    try {
      const request = parse(schema, value, 'HARBOR_MESSAGE_INVALID', message.subject);
      message.respond(JSON.stringify(await answer(request, message)));
    } catch (thrown) {
      const error = asHarborError(thrown);
      this.#refused(message, error);
      message.respond(JSON.stringify(reported(error)));
    }
  }

  async #ask(
    subject: string,
    value: unknown,
    options: { timeoutMs: number; unanswered: ErrorCode },
  ): Promise<string> {
    try {
      const message = await this.connection.request(subject, JSON.stringify(value), {
        timeout: options.timeoutMs,
      });
      return message.string();
    } catch (cause) {
      const code = (cause as { code?: string }).code;
      if (code === NatsError.NoResponders) {
        throw new HarborError(options.unanswered, `nobody listens on ${subject}`, {
          cause,
          details: { delivered: false },
        });
      }
      if (code === NatsError.Timeout) {
        throw new HarborError(options.unanswered, `no answer on ${subject} within ${options.timeoutMs} ms`, {
          cause,
        });
      }
      throw new HarborError('HARBOR_NATS_UNAVAILABLE', `asking ${subject} failed: ${String(cause)}`, {
        cause,
      });
    }
  }

  #refused(message: Msg, error: HarborError): void {
    if (error.code === 'HARBOR_MESSAGE_INVALID' || error.code === 'HARBOR_MESSAGE_REFUSED') {
      const head = Buffer.from(message.data.subarray(0, 200)).toString();
      this.events.onInvalid({ subject: message.subject, reason: error.message, head });
    } else this.events.onError(message.subject, error);
  }

  async #watch(): Promise<void> {
    for await (const status of this.connection.status()) {
      if (status.type === Events.Disconnect && this.#connected) {
        this.#connected = false;
        this.events.onDisconnect?.();
      } else if (status.type === Events.Reconnect && !this.#connected) {
        this.#connected = true;
        this.events.onReconnect?.();
      }
    }
  }
}

function reported({ code, message }: HarborError): object {
  return { harbor_error: { code, message } };
}

function decode<T>(schema: z.ZodType<T>, message: Msg): T {
  if (message.data.length > LARGEST) {
    throw new HarborError(
      'HARBOR_MESSAGE_INVALID',
      `${message.subject}: ${message.data.length} bytes are too many`,
    );
  }
  // An empty message asks with no arguments.
  const text = message.data.length === 0 ? '{}' : message.string();
  return parseJson(schema, text, 'HARBOR_MESSAGE_INVALID', message.subject);
}

function withoutLogin(server: string): string {
  return server.replace(/\/\/[^@/]*@/, '//');
}
