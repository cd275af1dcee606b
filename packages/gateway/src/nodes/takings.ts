/** What one request takes of a node. */
export interface Taking {
  /** The service it makes, by which the node's own count is compared; a request may not know it. */
  readonly service?: string;
  /** How many ports it takes. */
  readonly ports: number;
}

/**
 * What requests take of a node's free ports and the node has not counted itself. An announcement says at
 * which revision of the shared state the node counted, so a service that was there by then is taken off
 * once, whether its request has ended or not. A node that says no revision is believed as the wire facts
 * (§2) have it: what is under way is taken off, too, what has ended is in its count.
 */
export class Takings {
  readonly #underWay = new Set<Taking>();
  /** Begun since the node was heard of. */
  readonly #since = new Set<Taking>();
  /** Begun before: the node may have counted them. */
  readonly #before = new Set<Taking>();
  #revision = 0;

  /** `claimed`: the revision of a service in the shared state. */
  constructor(readonly claimed: (service: string) => number | undefined) {}

  /** How many requests are under way. */
  get pending(): number {
    return this.#underWay.size;
  }

  /** How many ports are to be taken off what the node said last. */
  get uncounted(): number {
    for (const taking of this.#before) if (this.#isCounted(taking)) this.#before.delete(taking);
    let ports = 0;
    for (const taking of this.#since) ports += taking.ports;
    for (const taking of this.#before) ports += taking.ports;
    return ports;
  }

  begin(service: string | undefined, ports: number): Taking {
    const taking: Taking = { ports, ...(service === undefined ? {} : { service }) };
    this.#underWay.add(taking);
    this.#since.add(taking);
    return taking;
  }

  /** Its request has ended; what was used stays taken off until the node has counted it. Once for each. */
  end(taking: Taking, outcome: 'used' | 'unused'): void {
    this.#underWay.delete(taking);
    if (outcome === 'used') return;
    this.#since.delete(taking);
    this.#before.delete(taking);
  }

  /** The node has counted its free ports, at a revision of the shared state where it says one. */
  announced(revision: number | undefined): void {
    for (const taking of this.#since) {
      const comparable = revision !== undefined && taking.service !== undefined;
      if (comparable) this.#before.add(taking);
      if (comparable || !this.#underWay.has(taking)) this.#since.delete(taking);
    }
    this.#revision = revision ?? 0;
  }

  #isCounted(taking: Taking): boolean {
    const claimed = this.claimed(taking.service ?? '');
    // Without a record its request is not that far yet, or the service is gone again.
    return claimed === undefined ? !this.#underWay.has(taking) : claimed <= this.#revision;
  }
}
