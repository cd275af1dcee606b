import { CATALOGUE, HarborError, asHarborError, type Credentials, type ErrorCode } from '@harbor/core';
import {
  credentialsReply,
  serviceSubjects,
  simpleReply,
  updatedHandles,
  type failure,
  updateReply,
  type ProvisionRequest,
  type UpdateRequest,
  type z,
} from '@harbor/wire';
import type { MessageBus } from '../dependencies.js';

/** How long the gateway waits for a node, ms (wire facts §2). */
const NODE_TIMEOUT = 5_000;

/** The v1 codes a node answers with: a timeout of its own, and a service it does not know. */
const V1_TIMEOUT = 30502;
const V1_NOT_FOUND = 30300;

/** Failures after which a node itself cannot know whether the service came to be. */
const UNCERTAIN: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'HARBOR_INTERNAL',
  'HARBOR_NODE_TIMEOUT',
  'HARBOR_REDIS_UNAVAILABLE',
]);

/**
 * How a provisioning went. `refused`: nothing exists on the node. `unknown`: something may, because no
 * answer came or none that can be read.
 */
export type ProvisionOutcome =
  | { readonly outcome: 'provisioned'; readonly credentials: Credentials }
  | { readonly outcome: 'refused' | 'unknown'; readonly error: HarborError; readonly delivered: boolean };

/** Talks to service nodes over NATS. */
export class ServiceNodeClient {
  readonly #subjects: ReturnType<typeof serviceSubjects>;

  constructor(
    readonly bus: MessageBus,
    service: string,
  ) {
    this.#subjects = serviceSubjects(service);
  }

  /** Errors: HARBOR_NATS_UNAVAILABLE when no node can be reached at all. */
  requireConnection(): void {
    if (!this.bus.connected)
      throw new HarborError('HARBOR_NATS_UNAVAILABLE', 'NATS is away, so no harbor_node can be reached');
  }

  /** Asks the node for a port. Never throws: every way to fail is an outcome. */
  async provision(node: string, request: ProvisionRequest): Promise<ProvisionOutcome> {
    try {
      const reply = await this.#ask(node, this.#subjects.provision(node), request, credentialsReply);
      if (reply.success && reply.credentials)
        return { outcome: 'provisioned', credentials: reply.credentials };
      if (reply.success) {
        const error = new HarborError('HARBOR_INTERNAL', `node ${node} answered without credentials`);
        return { outcome: 'unknown', error, delivered: true };
      }
      const error = failureOf(reply.error, node);
      return { outcome: UNCERTAIN.has(error.code) ? 'unknown' : 'refused', error, delivered: true };
    } catch (thrown) {
      const error = asHarborError(thrown);
      const delivered = wasDelivered(error);
      return { outcome: delivered ? 'unknown' : 'refused', error, delivered };
    }
  }

  /**
   * Takes a service away; one the node does not know is gone already.
   * Errors: HARBOR_NATS_UNAVAILABLE, HARBOR_NODE_UNAVAILABLE, HARBOR_NODE_TIMEOUT, or what the node
   * answered.
   */
  async unprovision(node: string, name: string, bindings: readonly unknown[]): Promise<void> {
    const subject = this.#subjects.unprovision(node);
    const reply = await this.#ask(node, subject, { name, bindings }, simpleReply);
    if (!reply.success && !isNotFound(reply.error)) throw failureOf(reply.error, node);
  }

  /**
   * Changes a service and the record that rides along; resolves with the revision that has it.
   * Errors: HARBOR_NOT_IMPLEMENTED where the node is there but knows no updates, HARBOR_NATS_UNAVAILABLE,
   * HARBOR_NODE_UNAVAILABLE, HARBOR_NODE_TIMEOUT, or what the node answered.
   */
  async update(node: string, request: UpdateRequest): Promise<number> {
    const reply = await this.#ask(node, this.#subjects.update(node), request, updateReply).catch(
      async (thrown: unknown) => {
        throw (await this.#isOlder(node, request.name, thrown)) ? tooOld(node) : thrown;
      },
    );
    if (!reply.success) throw failureOf(reply.error, node);
    return reply.revision ?? 0;
  }

  /** Nobody took an update, but somebody answers to what every node knows. */
  async #isOlder(node: string, name: string, thrown: unknown): Promise<boolean> {
    if (!(thrown instanceof HarborError) || thrown.code !== 'HARBOR_NODE_UNAVAILABLE') return false;
    const asked = this.#ask(node, this.#subjects.bind(node), { name }, credentialsReply);
    return asked.then(
      () => true,
      () => false,
    );
  }

  /**
   * A step of a migration. Errors: as for `unprovision`.
   */
  async migrate(action: 'disable' | 'enable' | 'import', node: string, pair: HandlePair): Promise<void> {
    const reply = await this.#ask(node, this.#subjects[action](node), pair, simpleReply);
    if (!reply.success) throw failureOf(reply.error, node);
  }

  /** The handles as they are on the node they were moved to. Errors: as for `unprovision`. */
  async updateInstance(node: string, pair: HandlePair) {
    const reply = await this.#ask(node, this.#subjects.updateInstance(node), pair, updatedHandles);
    if (Array.isArray(reply)) return reply;
    throw failureOf(reply.error, node);
  }

  async #ask<T>(node: string, subject: string, request: unknown, reply: z.ZodType<T>): Promise<T> {
    try {
      const options = { timeoutMs: NODE_TIMEOUT, unanswered: 'HARBOR_NODE_TIMEOUT' } as const;
      return await this.bus.request(subject, request, reply, options);
    } catch (thrown) {
      const error = asHarborError(thrown);
      if (error.code === 'HARBOR_MESSAGE_INVALID')
        throw new HarborError('HARBOR_INTERNAL', `node ${node}: ${error.message}`, { cause: error });
      if (error.code !== 'HARBOR_NODE_TIMEOUT') throw error;
      const { details } = error;
      if (wasDelivered(error)) {
        const message = `node ${node} did not answer within ${NODE_TIMEOUT / 1_000} s`;
        throw new HarborError('HARBOR_NODE_TIMEOUT', message, { cause: error, details });
      }
      throw new HarborError('HARBOR_NODE_UNAVAILABLE', `node ${node} is away`, { cause: error, details });
    }
  }
}

/** `[prov_handle, [binding_handles]]` (wire facts §2). */
export type HandlePair = readonly [prov: object, bindings: readonly object[]];

type Failure = z.output<typeof failure> | null | undefined;

function tooOld(node: string): HarborError {
  const message = `node ${node} is of a version that cannot update services; nothing was changed`;
  return new HarborError('HARBOR_NOT_IMPLEMENTED', message);
}

function wasDelivered(error: HarborError): boolean {
  return error.details.delivered !== false;
}

function isNotFound(error: Failure): boolean {
  return error?.msg.code === V1_NOT_FOUND || error?.msg.error === 'HARBOR_SERVICE_NOT_FOUND';
}

/** A node's failure as an error of ours: by its HARBOR_* code, else by what the v1 code means. */
function failureOf(error: Failure, node: string): HarborError {
  if (!error) return new HarborError('HARBOR_INTERNAL', `node ${node} failed and did not say why`);
  const { code, description, error: word } = error.msg;
  // The gateway's own patience can end, too: who answers tells the two apart.
  const details = { answered: true };
  if (isErrorCode(word)) return new HarborError(word, description, { details });
  if (code === V1_TIMEOUT)
    return new HarborError('HARBOR_NODE_TIMEOUT', `node ${node}: ${description}`, { details });
  return new HarborError('HARBOR_INTERNAL', `node ${node} failed with ${code}: ${description}`);
}

function isErrorCode(word: unknown): word is ErrorCode {
  return typeof word === 'string' && Object.hasOwn(CATALOGUE, word);
}
