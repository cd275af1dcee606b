import { connect, type NatsConnection } from 'nats';
import { SUBJECTS, type RegisterMessage } from '../src/messages.js';

interface Scope {
  teardown(task: () => unknown): unknown;
}

/** A node that only listens, and greets when it is told to. */
export class ListeningNode {
  readonly heard: { readonly subject: string; readonly message: RegisterMessage }[] = [];

  private constructor(
    readonly nats: NatsConnection,
    public seconds: number,
  ) {}

  static async start(t: Scope, servers: string | string[], seconds = 20): Promise<ListeningNode> {
    const nats = await connect({ servers, maxReconnectAttempts: -1, reconnectTimeWait: 50 });
    t.teardown(() => nats.close());
    const node = new ListeningNode(nats, seconds);
    for (const subject of [SUBJECTS.register, SUBJECTS.unregister])
      nats.subscribe(subject, {
        callback: (_, message) => {
          node.heard.push({ subject, message: message.json<RegisterMessage>() });
        },
      });
    nats.subscribe(SUBJECTS.greet, { callback: (_, message) => message.respond(node.#start()) });
    await nats.flush();
    return node;
  }

  /** What was said on a subject, by one instance. */
  of(subject: 'register' | 'unregister', instance: string): readonly RegisterMessage[] {
    return this.heard
      .filter((each) => each.subject === SUBJECTS[subject] && each.message.instance === instance)
      .map(({ message }) => message);
  }

  async greet(): Promise<void> {
    this.nats.publish(SUBJECTS.start, this.#start());
    await this.nats.flush();
  }

  #start(): string {
    return JSON.stringify({
      id: 'harbor_node_1',
      hosts: ['127.0.0.1'],
      minimumRegisterIntervalInSeconds: this.seconds,
      pruneThresholdInSeconds: this.seconds * 6,
    });
  }
}
