import { asHarborError, HarborError, type Clock, type Millis } from '@harbor/core';
import type { ReserveReply } from '@harbor/wire';
import type { Reservations, Wish } from '../ports/reservations.js';

/**
 * A member whose connector has taken a question and not answered it is not asked again for this long, ms: where it
 * is lost it is no member any more by then.
 */
export const SILENT_FOR: Millis = 10_000;

export interface GroupReservationsOptions {
  /** The live members, in the same order wherever they are listed. */
  readonly members: () => readonly string[];
  readonly of: (member: string) => Reservations;
  readonly clock: Clock;
  /** A member is passed over; told once for each silence. */
  readonly onSilent: (member: string, error: HarborError) => void;
}

/** A number that a member holds, or none, and why it passed others over; undefined where it is silent. */
type Asked = Pick<ReserveReply, 'held' | 'skipped'> | undefined;

/** One reservation under way. */
interface Attempt {
  /** Those whose word counts: who is silent is taken out. */
  readonly members: Set<string>;
  readonly held: Map<string, number>;
  readonly skipped: ReserveReply['skipped'];
  silence?: HarborError;
}

/**
 * Reservations of a whole group: a number counts only where the connector of every member that answers holds it.
 * The first of them is asked first and alone, so that two that want one number meet there, and one of them gets
 * it; that no number has two services is up to the shared state. Who is lost, or only starts anew, holds nobody
 * up: its connector binds the number when it is back.
 */
export class GroupReservations implements Reservations {
  /** Until when a member is not asked. */
  readonly #silent = new Map<string, Millis>();
  /** Members that did not answer when they were asked last. */
  readonly #told = new Set<string>();

  constructor(readonly options: GroupReservationsOptions) {}

  async reserve(wish: Wish): Promise<ReserveReply> {
    const attempt: Attempt = { members: this.#answering(), held: new Map(), skipped: [] };
    const { members, held, skipped } = attempt;
    try {
      for (let ports = wish.ports; ports.length > 0;) {
        const wanted = await this.#round(attempt, { ...wish, ports });
        if (wanted === null) break;
        if ([...members].every((member) => held.get(member) === wanted)) return { held: wanted, skipped };
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
    for (const member of this.options.members()) this.options.of(member).release(port, count);
  }

  /** The members to ask; where all are silent all of them, for one may be back. */
  #answering(): Set<string> {
    const members = this.options.members();
    const now = this.options.clock.now();
    const answering = members.filter((member) => (this.#silent.get(member) ?? now) <= now);
    return new Set(answering.length === 0 ? members : answering);
  }

  /**
   * The number that the group may agree on, the last of those that members hold now; null without any.
   * Errors: HARBOR_CONNECTOR_UNAVAILABLE where nobody answers.
   */
  async #round(attempt: Attempt, wish: Wish): Promise<number | null> {
    const { members, held, skipped } = attempt;
    const note = (member: string, asked: Asked): number | null | undefined => {
      skipped.push(
        ...(asked?.skipped ?? []).map(({ port, reason }) => ({ port, reason: `${reason} on ${member}` })),
      );
      if (asked?.held != null) held.set(member, asked.held);
      return asked?.held;
    };
    const others = [...members].filter((member) => !held.has(member));
    let leading: number | null | undefined;
    for (let first = others.shift(); first !== undefined; first = others.shift()) {
      leading = note(first, await this.#ask(attempt, first, wish));
      if (leading !== undefined) break;
    }
    if (leading === null) return null;
    const ports = leading === undefined ? wish.ports : wish.ports.slice(wish.ports.indexOf(leading));
    const asked = await Promise.allSettled(
      others.map((member) => this.#ask(attempt, member, { ...wish, ports })),
    );
    const answers = asked.map((each, at) =>
      each.status === 'fulfilled' ? note(others[at] ?? '', each.value) : undefined,
    );
    for (const each of asked) if (each.status === 'rejected') throw asHarborError(each.reason);
    if (members.size === 0 && attempt.silence) throw attempt.silence;
    if (answers.includes(null)) return null;
    return [...held.values()].reduce((a, b) => (wish.ports.indexOf(a) > wish.ports.indexOf(b) ? a : b));
  }

  async #ask(attempt: Attempt, member: string, wish: Wish): Promise<Asked> {
    try {
      const reply = await this.options.of(member).reserve(wish);
      this.#silent.delete(member);
      this.#told.delete(member);
      return reply;
    } catch (cause) {
      const { code, message, details } = asHarborError(cause);
      const error = new HarborError(code, `member ${member} of the group: ${message}`, { cause, details });
      if (code !== 'HARBOR_CONNECTOR_UNAVAILABLE') throw error;
      this.#passOver(attempt, member, error);
      return undefined;
    }
  }

  #passOver(attempt: Attempt, member: string, error: HarborError): void {
    const { clock, onSilent } = this.options;
    attempt.members.delete(member);
    attempt.silence = error;
    // That nobody is there is known at once; who takes a question and does not answer costs time.
    if (error.details.delivered !== false) this.#silent.set(member, clock.now() + SILENT_FOR);
    if (!this.#told.has(member)) onSilent(member, error);
    this.#told.add(member);
  }

  #releaseOthers(held: Map<string, number>, { count = 1 }: Wish, wanted: number | null): void {
    for (const [member, port] of held) {
      if (port === wanted) continue;
      this.options.of(member).release(port, count);
      held.delete(member);
    }
  }
}
