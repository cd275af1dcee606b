import {
  asHarborError,
  HarborError,
  isOwn,
  type Clock,
  type Credentials,
  type Instance,
  type Write,
} from '@harbor/core';
import { nameTaken } from '@harbor/wire';
import type { Log } from '../dependencies.js';
import type { ServiceNodeClient } from '../nodes/client.js';
import type { NodeChoice, NodeNeeds } from '../nodes/directory.js';
import type { NodeWatch } from '../nodes/watch.js';
import type { SharedState } from '../state/shared-state.js';
import type { Deprovisioner } from './deprovision.js';
import { busy, type OperationLocks } from './locks.js';
import type { QuotaKeeper } from './quotas.js';
import {
  intentOf,
  isSame,
  nameClaim,
  nameClaimId,
  ownerOf,
  parametersForNode,
  type WantedInstance,
} from './wanted.js';

export interface ProvisionerParts {
  readonly state: SharedState;
  readonly nodes: NodeWatch;
  readonly client: ServiceNodeClient;
  readonly locks: OperationLocks;
  readonly deprovisioner: Deprovisioner;
  readonly quotas: QuotaKeeper;
  readonly clock: Clock;
  readonly log: Log;
}

/** An intent as it stands in the shared state. */
interface Intent {
  readonly instance: Instance;
  readonly node: string;
  readonly revision: number;
}

/**
 * Creates service instances. The intent is written before the node is asked, so that whoever finds it
 * after a crash knows what to take back.
 */
export class Provisioner {
  constructor(readonly parts: ProvisionerParts) {}

  /**
   * Makes the instance, or finds that it is there as asked for.
   * Errors: HARBOR_SERVICE_BUSY, HARBOR_SERVICE_EXISTS (another one, or its name, is there), HARBOR_QUOTA_EXCEEDED,
   * HARBOR_NODE_UNAVAILABLE, HARBOR_NODE_TIMEOUT, HARBOR_PORT_*, HARBOR_REDIS_UNAVAILABLE,
   * HARBOR_NATS_UNAVAILABLE. After an error nothing is left, or an intent that recovery takes back.
   */
  provision(id: string, wanted: WantedInstance): Promise<'created' | 'unchanged'> {
    return this.parts.locks.hold(id, async () => {
      const existing = this.parts.state.replica.get('instance', id);
      if (existing) return repeated(existing, wanted);
      await this.#create(id, wanted);
      return 'created';
    });
  }

  /** Where the chosen node has gone meanwhile another member of its group is asked, if it has one. */
  async #create(id: string, wanted: WantedInstance): Promise<void> {
    for (;;) {
      this.parts.client.requireConnection();
      const choice = await this.#choose(id, wanted);
      try {
        await this.#createOn(choice, id, wanted);
        return;
      } catch (thrown) {
        const isGone = asHarborError(thrown).code === 'HARBOR_NODE_UNAVAILABLE';
        if (!isGone || this.parts.nodes.directory.othersOfGroup(choice.id).length === 0) throw thrown;
      }
    }
  }

  async #createOn(choice: NodeChoice, id: string, wanted: WantedInstance): Promise<void> {
    let outcome: 'used' | 'unused' = 'unused';
    try {
      const intent = await this.#declare(id, wanted, choice.id);
      const credentials = await this.#ask(intent, wanted);
      await this.#acknowledge(intent, credentials);
      outcome = 'used';
    } finally {
      choice.release(outcome);
    }
  }

  /**
   * The best node; before it the one where a port cools down that this service may have again. While ports
   * cool down a node without a free one is asked all the same: it knows when the next will be.
   */
  #choose(id: string, wanted: WantedInstance): Promise<NodeChoice> {
    const cooling = [...this.parts.state.replica.all('cooling')];
    const owner = ownerOf(wanted);
    const asker = { id, ...(owner === undefined ? {} : { owner }) };
    const own = cooling.find((each) => isOwn(each, asker));
    const needs = needsOf(wanted);
    return this.parts.nodes.choose({
      ...needs,
      service: id,
      full: needs.full === true || cooling.length > 0,
      ...(own === undefined ? {} : { preferred: own.node }),
      ...(own?.group === undefined ? {} : { preferredGroup: own.group }),
    });
  }

  async #declare(id: string, wanted: WantedInstance, node: string): Promise<Intent> {
    const instance = intentOf(id, wanted, node, this.parts.clock.now());
    const claim = nameClaimId(wanted);
    const claimed: Write[] = claim === undefined ? [] : [{ kind: 'name', id: claim, value: nameClaim(id) }];
    const result = await this.parts.quotas.create(instance, {
      expect: [
        { kind: 'instance', id, is: 'absent' },
        ...claimed.map(({ kind, id }) => ({ kind, id, is: 'absent' as const })),
      ],
      write: [{ kind: 'instance', id, value: instance }, ...claimed],
    });
    if (result.done) return { instance, node, revision: result.revision };
    throw result.unmet.kind === 'name' ? nameTaken(wanted.name) : busy(id);
  }

  async #ask(intent: Intent, wanted: WantedInstance): Promise<Credentials> {
    const { id, name } = intent.instance;
    const owner = ownerOf(wanted);
    const answer = await this.parts.client.provision(intent.node, {
      plan: wanted.plan.name,
      ...(wanted.version === undefined ? {} : { version: wanted.version }),
      instance_id: id,
      name,
      ...(owner === undefined ? {} : { owner }),
      parameters: parametersForNode(wanted),
    });
    if (answer.outcome === 'provisioned') return answer.credentials;
    if (!answer.delivered) this.parts.nodes.directory.lose(intent.node);
    await this.#undo(intent, answer.outcome === 'unknown', answer.error);
    throw answer.error;
  }

  async #acknowledge({ instance, node, revision }: Intent, credentials: Credentials): Promise<void> {
    const { id } = instance;
    const result = await this.parts.state.commit({
      expect: [{ kind: 'instance', id, is: 'at', revision }],
      write: [{ kind: 'instance', id, value: { ...instance, state: 'ready', credentials } }],
    });
    if (result.done) {
      this.parts.log.info(
        { event: 'provisioned', instance: id, node, port: credentials.port },
        'provisioned',
      );
      return;
    }
    // Somebody took the intent for a dead one's and took it back, perhaps before the node had acted.
    await this.parts.client.unprovision(node, credentials.name, []);
    throw busy(id);
  }

  /** Takes an attempt back; what fails here is left to recovery, because the first error counts. */
  async #undo({ instance, revision }: Intent, mayExist: boolean, reason: HarborError): Promise<void> {
    const { log, deprovisioner } = this.parts;
    const about = { instance: instance.id, node: instance.node };
    log.warn(
      { event: 'provision_failed', ...about, code: reason.code, reason: reason.message },
      'rolling back',
    );
    try {
      if (mayExist) await deprovisioner.rollBack(instance, revision);
      else await deprovisioner.forget(instance, revision);
    } catch (error) {
      log.warn({ event: 'rollback_postponed', ...about, err: error }, 'recovery will roll back');
    }
  }
}

function needsOf({ plan, version, parameters }: WantedInstance): NodeNeeds {
  const full = parameters.port !== undefined;
  const { ports = 1 } = parameters;
  return { plan: plan.name, full, ports, ...(version === undefined ? {} : { version }) };
}

function repeated(existing: Instance, wanted: WantedInstance): 'unchanged' {
  if (existing.state !== 'ready') throw busy(existing.id);
  if (isSame(existing, wanted)) return 'unchanged';
  throw new HarborError(
    'HARBOR_SERVICE_EXISTS',
    'a service instance with this id exists with another plan, place or parameters',
  );
}
