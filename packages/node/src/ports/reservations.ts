import type { Bus } from '@harbor/bus';
import { HarborError, type Transport } from '@harbor/core';
import { nodeSubjects, reserveReply, z, type ReserveReply } from '@harbor/wire';

/** How long the connector keeps a port that was not committed, ms: longer than any node operation. */
const HOLD = 15_000;
/** How long the connector may take to answer, ms. */
const TIMEOUT = 3_000;
/** How many candidates go into one question: a crowded machine costs few round trips. */
export const CANDIDATES = 32;

/** What is to be bound. */
export interface Wish {
  /** In the order in which they are tried. */
  readonly ports: readonly number[];
  readonly transports: readonly Transport[];
  /** A block of as many ports from there up, all or none; one where nothing is said. */
  readonly count?: number;
  /** Only the kernel plane can do that. */
  readonly preserveClientIp?: boolean;
  /** Who has the port and is to get these transports beside the one it serves. */
  readonly service?: string;
}

/** The connector's side of an allocation: a port is given away only once it is really bound. */
export interface Reservations {
  /**
   * Binds the first of the ports that can be bound, and says why others were passed over.
   * Errors: HARBOR_CONNECTOR_UNAVAILABLE, HARBOR_NATS_UNAVAILABLE; HARBOR_DATA_PLANE_UNAVAILABLE where
   * the service is to preserve its clients' addresses and the connector cannot.
   */
  reserve(wish: Wish): Promise<ReserveReply>;
  /** Gives a reservation back; never fails, for the connector lets go of it by itself in time. */
  release(port: number, count: number): void;
}

/** `revision`: the state the candidates were chosen from. */
export function connectorReservations(bus: Bus, node: string, revision: () => number): Reservations {
  const subjects = nodeSubjects(node);
  const options = { timeoutMs: TIMEOUT, unanswered: 'HARBOR_CONNECTOR_UNAVAILABLE' } as const;
  return {
    async reserve({ ports, transports, count = 1, preserveClientIp = false, service }) {
      const request = {
        ports,
        transports,
        hold_ms: HOLD,
        revision: revision(),
        ...blockOf(count),
        ...(preserveClientIp ? { preserve_client_ip: true } : {}),
        ...(service === undefined ? {} : { service }),
      };
      const reply = await bus.request(subjects.reserve, request, reserveReply, options);
      if (reply.unable !== undefined) throw new HarborError('HARBOR_DATA_PLANE_UNAVAILABLE', reply.unable);
      return reply;
    },
    release(port, count) {
      bus.request(subjects.release, { port, ...blockOf(count) }, z.unknown(), options).catch(() => undefined);
    },
  };
}

function blockOf(count: number): { readonly count?: number } {
  return count === 1 ? {} : { count };
}
