import { asHarborError, HarborError, ownerOf, portsOf, type Instance } from '@harbor/core';
import type { MoveView } from '@harbor/wire';
import type { Log } from '../dependencies.js';
import { busy, type OperationLocks } from '../instances/locks.js';
import type { SharedState } from '../state/shared-state.js';
import type { Migration } from '../v1/migration.js';
import { displayName } from '../views/services.js';
import type { ViewSources } from '../views/sources.js';
import type { NodeInspector } from './inspect.js';

export interface MoverParts {
  readonly state: SharedState;
  readonly sources: ViewSources;
  readonly locks: OperationLocks;
  readonly inspector: NodeInspector;
  readonly migration: Migration;
  readonly log: Log;
}

/** What a service is moved from and to. */
export interface Move {
  readonly from: string;
  readonly to: string;
  /** Only asks whether it could be done. */
  readonly dryRun: boolean;
}

/** Moves services with their numbers from node to node, also from one that is dead. */
export class Mover {
  constructor(readonly parts: MoverParts) {}

  /**
   * Moves one. What keeps it where it is is an answer, not an error. Done again after a crash half-way it
   * goes on. Errors: HARBOR_NODE_NOT_FOUND, HARBOR_REQUEST_INVALID (`from` is `to`).
   */
  async move(instance: Instance, move: Move): Promise<MoveView> {
    const { from, to, dryRun } = move;
    const known = this.parts.sources.presence?.ids() ?? [];
    for (const node of [from, to])
      if (!known.includes(node)) throw new HarborError('HARBOR_NODE_NOT_FOUND', `there is no node ${node}`);
    if (from === to)
      throw new HarborError('HARBOR_REQUEST_INVALID', 'a service cannot be moved to where it is');
    const about = {
      id: instance.id,
      name: displayName(instance),
      port: instance.credentials?.port ?? null,
    };
    try {
      await this.parts.locks.hold(instance.id, () => this.#move(instance.id, move));
      return { ...about, moved: !dryRun, error: null, reason: null };
    } catch (thrown) {
      const { code, message } = asHarborError(thrown);
      return { ...about, moved: false, error: code, reason: message };
    }
  }

  async #move(id: string, { from, to, dryRun }: Move): Promise<void> {
    const { state, migration, log } = this.parts;
    const instance = state.replica.get('instance', id);
    if (instance?.node === to) return;
    if (instance?.node !== from)
      throw new HarborError('HARBOR_SERVICE_NOT_FOUND', `the service is not on ${from}`);
    if (instance.state !== 'ready') throw busy(id);
    // A run before that was cut short may have it on the new node already.
    const service = state.replica.get('service', id);
    const moved = service?.node === to;
    // Every member of a group serves it already: nothing has to be free, and nobody stops serving.
    const stays = service !== undefined && ownerOf(service) === this.#ownerOn(to);
    if (!moved && !stays) await this.#requireRoom(id, to);
    if (dryRun) return;
    const disabled = !moved && !stays && (await this.#disable(instance, from));
    try {
      await migration.step(to, instance, 'import');
    } catch (error) {
      if (disabled) await this.#takeBack(instance, from);
      throw error;
    }
    await migration.step(to, instance, 'enable');
    // Last: until here the service counts as on the old node, and doing it again finishes it.
    await migration.step(to, instance, 'update');
    log.info({ event: 'moved', instance: id, from, to }, 'a service was moved');
  }

  /** Who owns what a node makes. */
  #ownerOn(node: string): string {
    const group = this.parts.sources.presence?.group(node);
    return ownerOf(group === undefined ? { node } : { node, group });
  }

  /** Asked before anything is changed. Errors: HARBOR_PORT_TAKEN, HARBOR_CONNECTOR_UNAVAILABLE. */
  async #requireRoom(id: string, to: string): Promise<void> {
    const { state, inspector } = this.parts;
    const service = state.replica.get('service', id);
    if (!service) throw new HarborError('HARBOR_SERVICE_NOT_FOUND', 'its node has lost the service');
    const ports = portsOf(service);
    const other = [...state.replica.all('service')].find(
      (each) =>
        ownerOf(each) === this.#ownerOn(to) &&
        each.id !== id &&
        portsOf(each).some((port) => ports.includes(port)),
    );
    const because = other
      ? `service ${other.name || other.id} has it`
      : await inspector.obstacle(to, service);
    if (because !== undefined)
      throw new HarborError('HARBOR_PORT_TAKEN', `port ${service.port} cannot be had on ${to}: ${because}`);
  }

  /** False where the old node is dead, and serves nobody anyway. Errors: HARBOR_NODE_TIMEOUT, what it answers. */
  async #disable(instance: Instance, from: string): Promise<boolean> {
    try {
      await this.parts.migration.step(from, instance, 'disable');
      return true;
    } catch (thrown) {
      if (asHarborError(thrown).code === 'HARBOR_NODE_UNAVAILABLE') return false;
      throw thrown;
    }
  }

  async #takeBack(instance: Instance, from: string): Promise<void> {
    try {
      await this.parts.migration.step(from, instance, 'enable');
    } catch (thrown) {
      const { code, message } = asHarborError(thrown);
      const about = { event: 'move_not_undone', instance: instance.id, node: from, code, reason: message };
      this.parts.log.error(about, 'a service could neither be moved nor enabled again');
    }
  }
}
