import { asHarborError, type Instance, type Service } from '@harbor/core';
import type { NodePresence } from './presence.js';

/**
 * Through which nodes an instance can be reached: of a group every member, and without one its own. A node that
 * has left the group serves no more what it made there.
 */
export class Reach {
  constructor(
    readonly services: { get(kind: 'service', id: string): Service | undefined },
    readonly presence: Pick<NodePresence, 'group' | 'members' | 'unreachableSince'>,
  ) {}

  /** The group that serves an instance; undefined where its node stands alone. */
  groupOf(instance: Pick<Instance, 'id' | 'node' | 'credentials'>): string | undefined {
    const service = this.services.get('service', instance.credentials?.name ?? instance.id);
    if (service) return service.group;
    return instance.node === undefined ? undefined : this.presence.group(instance.node);
  }

  /** The nodes to ask, best first: its own where it answers, those that do not last. */
  nodesOf(instance: Pick<Instance, 'id' | 'node' | 'credentials'>): string[] {
    const { node } = instance;
    const group = this.groupOf(instance);
    const members = group === undefined ? [] : this.presence.members(group);
    const nodes = members.length > 0 || node === undefined ? members : [node];
    const rank = (id: string): number =>
      (this.presence.unreachableSince(id) === undefined ? 0 : 2) + (id === node ? 0 : 1);
    return nodes.sort((a, b) => rank(a) - rank(b));
  }

  /** Since when nobody who serves the instance can be reached; undefined while somebody is up. */
  unreachableSince(instance: Pick<Instance, 'id' | 'node' | 'credentials'>): number | undefined {
    const since = this.nodesOf(instance).map((node) => this.presence.unreachableSince(node));
    const known = since.filter((each) => each !== undefined);
    return known.length === 0 || known.length < since.length ? undefined : Math.max(...known);
  }

  /** Asks the node, or where nobody is there another member of its group. Errors: those of the last asked. */
  async ask<T>(
    instance: Pick<Instance, 'id' | 'node' | 'credentials'>,
    question: (node: string) => Promise<T>,
  ): Promise<T> {
    const nodes = this.nodesOf(instance);
    for (const [at, node] of nodes.entries()) {
      try {
        return await question(node);
      } catch (thrown) {
        // Nobody took the question, so nobody acts on it either.
        if (asHarborError(thrown).code !== 'HARBOR_NODE_UNAVAILABLE' || at === nodes.length - 1) throw thrown;
      }
    }
    return question(instance.node ?? '');
  }
}
