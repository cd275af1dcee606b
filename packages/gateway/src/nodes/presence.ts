import { asHarborError, type Clock, type KnownNode, type Millis } from '@harbor/core';
import type { Announcement } from '@harbor/wire';
import type { Log, MessageBus } from '../dependencies.js';
import type { SharedState } from '../state/shared-state.js';

/** How often every node is asked to announce itself, ms. */
export const ASK_EVERY: Millis = 3_000;
/** A node that missed this much of it cannot be reached; until it is stale it is chosen where nobody else has room. */
export const UNREACHABLE_AFTER: Millis = 8_000;

export interface PresenceParts {
  readonly state: SharedState;
  readonly bus: MessageBus;
  readonly clock: Clock;
  readonly log: Log;
  /** Asks all nodes who is there. */
  readonly ask: () => void;
}

/**
 * Which nodes there are and which of them answer. What it finds is kept in the shared state, so that a
 * gateway that starts knows of nodes that died before. While NATS is away nothing is known anew.
 */
export class NodePresence {
  readonly #heard = new Map<string, Millis>();
  readonly #silent = new Map<string, Millis>();
  readonly #writing = new Set<string>();
  /** Since when answers would have come. */
  #listening: Millis | undefined;
  #cancel: () => void = () => undefined;

  constructor(readonly parts: PresenceParts) {}

  start(): void {
    const { clock, bus, ask } = this.parts;
    this.#cancel = clock.schedule(ASK_EVERY, () => {
      if (bus.connected) {
        this.#listening ??= clock.now();
        ask();
        this.#judge(this.#listening);
      } else this.#listening = undefined;
      this.start();
    });
  }

  stop(): void {
    this.#cancel();
  }

  /** A node has announced itself. */
  hear({ id, addresses, group }: Announcement): void {
    this.#heard.set(id, this.parts.clock.now());
    const known = this.#record(id);
    const host = addresses?.host ?? known?.host ?? '';
    const back = this.#silent.delete(id) || known?.unreachableSince !== undefined;
    if (back) this.parts.log.info({ event: 'node_back', node: id }, 'a node answers again');
    if (!back && known?.host === host && known.group === group) return;
    const { identity } = known ?? {};
    this.#write({
      ...{ id, host },
      ...(identity === undefined ? {} : { identity }),
      ...(group === undefined ? {} : { group }),
    });
  }

  /** Since when a node cannot be reached; undefined while it is up. */
  unreachableSince(id: string): Millis | undefined {
    return this.#silent.get(id) ?? (this.#heard.has(id) ? undefined : this.#record(id)?.unreachableSince);
  }

  /** Every node that announced itself, was attached or has services, sorted. */
  ids(): string[] {
    const { replica } = this.parts.state;
    const ids = [
      ...this.#heard.keys(),
      ...[...replica.all('node')].map(({ id }) => id),
      ...[...replica.all('instance')].flatMap(({ node }) => node ?? []),
    ];
    return [...new Set(ids)].sort();
  }

  /** Where it is reached, as far as is known. */
  host(id: string): string | undefined {
    return this.#record(id)?.host;
  }

  /** The group it announced last; undefined where it stands alone. */
  group(id: string): string | undefined {
    return this.#record(id)?.group;
  }

  /** Every node of a group, up or not, sorted. */
  members(group: string): string[] {
    return this.ids().filter((id) => this.group(id) === group);
  }

  #hasServices(id: string): boolean {
    return [...this.parts.state.replica.all('instance')].some(({ node }) => node === id);
  }

  #judge(listening: Millis): void {
    const { clock, log } = this.parts;
    for (const id of this.ids()) {
      const heard = this.#heard.get(id);
      const since = Math.max(heard ?? 0, listening);
      if (clock.now() - since < UNREACHABLE_AFTER) continue;
      const known = this.#record(id);
      if (!known && !this.#hasServices(id)) {
        // It was detached, or removed.
        this.#heard.delete(id);
        this.#silent.delete(id);
        continue;
      }
      if (this.#silent.has(id)) continue;
      const unreachableSince = known?.unreachableSince ?? heard ?? listening;
      this.#silent.set(id, unreachableSince);
      log.warn({ event: 'node_unreachable', node: id, since: unreachableSince }, 'a node does not answer');
      this.#write({ host: '', ...known, id, unreachableSince });
    }
  }

  #record(id: string): KnownNode | undefined {
    return this.parts.state.replica.get('node', id);
  }

  /** One at a time for each node; where it fails the next announcement or silence comes again. */
  #write(value: KnownNode): void {
    const { state, log } = this.parts;
    const { id } = value;
    if (this.#writing.has(id)) return;
    this.#writing.add(id);
    const revision = state.replica.revisionOf('node', id);
    const expect = revision === undefined ? ({ is: 'absent' } as const) : ({ is: 'at', revision } as const);
    state
      .commit({ expect: [{ kind: 'node', id, ...expect }], write: [{ kind: 'node', id, value }] })
      .catch((thrown: unknown) => {
        const { code, message } = asHarborError(thrown);
        log.warn(
          { event: 'node_not_stored', node: id, code, reason: message },
          'how a node stands is not stored',
        );
      })
      .finally(() => this.#writing.delete(id));
  }
}
