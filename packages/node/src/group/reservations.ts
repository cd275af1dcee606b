import { asHarborError, HarborError } from '@harbor/core';
import type { ReserveReply } from '@harbor/wire';
import type { Reservations, Wish } from '../ports/reservations.js';

/** A number that a member holds, or none, and why it passed others over. */
interface Asked {
  readonly member: string;
  readonly held: number | null;
  readonly skipped: ReserveReply['skipped'];
}

/**
 * Reservations of a whole group: a number counts only where the connector of every live member holds it. The
 * first member is asked first and alone, so that two that want one number meet there, and one of them gets it.
 */
export class GroupReservations implements Reservations {
  constructor(
    /** The live members, in the same order wherever they are listed. */
    readonly members: () => readonly string[],
    readonly of: (member: string) => Reservations,
  ) {}

  async reserve(wish: Wish): Promise<ReserveReply> {
    const members = this.members();
    const skipped: ReserveReply['skipped'] = [];
    const held = new Map<string, number>();
    try {
      for (let ports = wish.ports; ports.length > 0;) {
        const wanted = await this.#round(members, { ...wish, ports }, held, skipped);
        if (wanted === null) break;
        if (members.every((member) => held.get(member) === wanted)) return { held: wanted, skipped };
        // Somebody passed it over: what lies before the one he has is nobody's to try again.
        ports = ports.slice(ports.indexOf(wanted));
        this.#releaseOthers(held, wish, wanted);
      }
      this.#releaseOthers(held, wish, null);
      return { held: null, skipped };
    } catch (error) {
      this.#releaseOthers(held, wish, null);
      throw error;
    }
  }

  release(port: number, count: number): void {
    for (const member of this.members()) this.of(member).release(port, count);
  }

  /** The number that the group may agree on, the last of those that members hold now; null without any. */
  async #round(
    members: readonly string[],
    wish: Wish,
    held: Map<string, number>,
    skipped: ReserveReply['skipped'],
  ): Promise<number | null> {
    const [first, ...others] = members.filter((member) => !held.has(member));
    if (first === undefined) return null;
    const note = ({ member, held: port, skipped: passed }: Asked): number | null => {
      skipped.push(...passed.map(({ port, reason }) => ({ port, reason: `${reason} on ${member}` })));
      if (port !== null) held.set(member, port);
      return port;
    };
    const leading = note(await this.#ask(first, wish));
    if (leading === null) return null;
    const ports = wish.ports.slice(wish.ports.indexOf(leading));
    const asked = await Promise.allSettled(others.map((member) => this.#ask(member, { ...wish, ports })));
    const answers = asked.map((each) => (each.status === 'fulfilled' ? note(each.value) : undefined));
    for (const each of asked) if (each.status === 'rejected') throw asHarborError(each.reason);
    if (answers.includes(null)) return null;
    return [...held.values()].reduce((a, b) => (wish.ports.indexOf(a) > wish.ports.indexOf(b) ? a : b));
  }

  async #ask(member: string, wish: Wish): Promise<Asked> {
    try {
      return { member, ...(await this.of(member).reserve(wish)) };
    } catch (cause) {
      const { code, message, details } = asHarborError(cause);
      throw new HarborError(code, `member ${member} of the group: ${message}`, { cause, details });
    }
  }

  #releaseOthers(held: Map<string, number>, { count = 1 }: Wish, wanted: number | null): void {
    for (const [member, port] of held) {
      if (port === wanted) continue;
      this.of(member).release(port, count);
      held.delete(member);
    }
  }
}
