import { asHarborError, type Clock, type Millis } from '@harbor/core';
import { nodeHandles, nodeId, parse, serviceSubjects, v1Purge, type NodeHandles } from '@harbor/wire';
import type { Log, MessageBus } from '../dependencies.js';
import { bindingKey, type KnownHandles } from './known.js';

/** How long an orphan stays suspected before it is looked at again (wire facts §2). */
export const SECOND_LOOK: Millis = 300_000;
/** Orphans remembered of one node at most: whatever is sent over NATS, memory stays bounded. */
const MOST = 10_000;

type Credentials = NodeHandles['bindings_list'][number];

/** What nodes have that nobody knows, by node. */
interface OrphanLists {
  readonly instances: Map<string, Set<string>>;
  readonly bindings: Map<string, Map<string, Credentials>>;
}

export interface OrphanParts {
  readonly bus: MessageBus;
  readonly service: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Errors: HARBOR_CLOUD_CONTROLLER_UNAVAILABLE. */
  readonly known: () => Promise<KnownHandles>;
}

/** Finds what nodes have and nobody knows. It removes nothing: that is the operator's call. */
export class Orphans {
  #known: KnownHandles | undefined;
  #staging = emptyLists();
  #final = emptyLists();
  #cancel: () => void = () => undefined;

  constructor(readonly parts: OrphanParts) {}

  /** Hears what the nodes report. */
  start(): void {
    this.parts.bus.subscribe(serviceSubjects(this.parts.service).nodeHandles, nodeHandles, (report) => {
      this.#hear(report);
    });
  }

  stop(): void {
    this.#cancel();
  }

  /** Asks every node what it has. Errors: HARBOR_CLOUD_CONTROLLER_UNAVAILABLE. */
  async check(): Promise<void> {
    this.#known = await this.parts.known();
    this.#staging = emptyLists();
    this.#cancel();
    this.#cancel = this.parts.clock.schedule(SECOND_LOOK, () => void this.#lookAgain());
    this.parts.bus.publish(serviceSubjects(this.parts.service).checkOrphan, {});
  }

  /**
   * Has the nodes remove what the operator names. What is known now stays, whatever the list says, for a
   * list may be older than an instance. Errors: HARBOR_REQUEST_INVALID, HARBOR_CLOUD_CONTROLLER_UNAVAILABLE.
   */
  async purge(body: unknown): Promise<void> {
    const request = parse(v1Purge, body, 'HARBOR_REQUEST_INVALID', 'the request body');
    const known = await this.parts.known();
    const { orphan_instances: instances, orphan_bindings: bindings } = request;
    for (const node of new Set([...Object.keys(instances ?? {}), ...Object.keys(bindings ?? {})])) {
      const names = (instances?.[node] ?? []).filter((name) => !known.instances.has(name));
      const unbound = (bindings?.[node] ?? []).filter((one) => !known.bindings.has(bindingKey(one)));
      this.#purgeNode(node, names, unbound);
    }
  }

  /** Every orphan that was still one at the second look, by node: what /varz shows. */
  get final() {
    return {
      orphan_instances: Object.fromEntries(
        [...this.#final.instances].map(([node, names]) => [node, [...names]]),
      ),
      orphan_bindings: Object.fromEntries(
        [...this.#final.bindings].map(([node, bindings]) => [node, [...bindings.values()]]),
      ),
    };
  }

  #purgeNode(node: string, names: readonly string[], bindings: readonly Credentials[]): void {
    if (names.length + bindings.length === 0) return;
    const message = { orphan_ins_list: names, orphan_binding_list: bindings };
    this.parts.bus.publish(serviceSubjects(this.parts.service).purgeOrphan(node), message);
    for (const name of names) this.#final.instances.get(node)?.delete(name);
    for (const binding of bindings) this.#final.bindings.get(node)?.delete(bindingKey(binding));
    this.#final = withoutEmpty(this.#final);
    this.parts.log.warn(
      { event: 'orphans_purged', node, instances: names, bindings: bindings.length },
      'purged',
    );
  }

  #hear({ node_id: node, instances_list, bindings_list }: NodeHandles): void {
    const known = this.#known;
    if (!known || !nodeId.safeParse(node).success) return;
    const instances = this.#staging.instances.get(node) ?? new Set();
    for (const name of instances_list)
      if (!known.instances.has(name) && instances.size < MOST) instances.add(name);
    const bindings = this.#staging.bindings.get(node) ?? new Map<string, Credentials>();
    for (const one of bindings_list)
      if (!known.bindings.has(bindingKey(one)) && bindings.size < MOST) bindings.set(bindingKey(one), one);
    this.#staging.instances.set(node, instances);
    this.#staging.bindings.set(node, bindings);
  }

  async #lookAgain(): Promise<void> {
    try {
      const known = await this.parts.known();
      const { instances, bindings } = this.#staging;
      for (const names of instances.values())
        for (const name of names) if (known.instances.has(name)) names.delete(name);
      for (const listed of bindings.values())
        for (const key of listed.keys()) if (known.bindings.has(key)) listed.delete(key);
      this.#final = withoutEmpty(this.#staging);
      this.#staging = emptyLists();
      this.#known = undefined;
      this.parts.log.info({ event: 'orphans', ...this.final }, 'looked for orphans');
    } catch (thrown) {
      const { code, message } = asHarborError(thrown);
      this.parts.log.warn({ event: 'orphans_postponed', code, reason: message }, 'will look again');
      this.#cancel = this.parts.clock.schedule(SECOND_LOOK, () => void this.#lookAgain());
    }
  }
}

function emptyLists(): OrphanLists {
  return { instances: new Map<string, Set<string>>(), bindings: new Map<string, Map<string, Credentials>>() };
}

function withoutEmpty({ instances, bindings }: OrphanLists): OrphanLists {
  return {
    instances: new Map([...instances].filter(([, names]) => names.size > 0)),
    bindings: new Map([...bindings].filter(([, listed]) => listed.size > 0)),
  };
}
