import {
  asHarborError,
  coolingEnd,
  Membership,
  parsePortRange,
  rangeContains,
  rangeSize,
  type Change,
  type HarborError,
} from '@harbor/core';
import { rolesOf, type Settings } from '@harbor/config';
import { lookAt, withBus, withStore, type Place } from '@harbor/runtime';
import { nodeSubjects, statusReply, type PortConflict } from '@harbor/wire';

/** How long NATS and the connector may each take to answer, ms. */
const PATIENCE = 3_000;
/** The same for who is asked after Redis did not answer, ms: who looks has waited already. */
const LESS_PATIENCE = 1_000;

/** How the ports of this machine stand, as far as can be known. */
export interface PortsView {
  readonly node: string;
  readonly range: string;
  /** Undefined where Redis does not answer. */
  readonly counts:
    | {
        readonly used: number;
        readonly free: number;
        /** Kept from others for a while. */
        readonly cooling: number;
      }
    | undefined;
  /** Undefined where the connector does not answer, or there is none. */
  readonly conflicts: readonly PortConflict[] | undefined;
  /** Why something is not known. */
  readonly unknown: readonly { readonly reason: string; readonly remedy?: string }[];
}

/** Asks each of those who know once, so that one that is frozen is waited for once. Errors: HARBOR_CONFIG_INVALID. */
export async function readPorts(place: Place): Promise<PortsView> {
  const { settings, records, away } = await lookAt(place, ['port', 'cooling']);
  const { node_id: node, port_range: range } = settings.harbor_node;
  const counts = away ? undefined : countPorts(settings, records);
  const known = { node, range, counts };
  const unknown = away ? [whyOf(away)] : [];
  if (!rolesOf(place.home).includes('harbor'))
    return {
      ...known,
      conflicts: undefined,
      unknown: [...unknown, { reason: 'this machine has not the role harbor' }],
    };
  try {
    const conflicts = await readConflicts(place, settings, away ? LESS_PATIENCE : PATIENCE);
    return { ...known, conflicts, unknown };
  } catch (thrown) {
    return { ...known, conflicts: undefined, unknown: [...unknown, whyOf(asHarborError(thrown))] };
  }
}

/** What people call the services whose ports are in conflict; none where Redis does not answer. */
export async function serviceNames(
  place: Place,
  { conflicts = [], counts }: PortsView,
): Promise<ReadonlyMap<string, string>> {
  if (conflicts.length === 0 || !counts) return new Map();
  try {
    const { records } = await withStore(place, (store) => store.snapshot(['service']));
    return new Map(
      records.flatMap(({ kind, id, value }) =>
        kind === 'service' && value ? [[id, value.name] as const] : [],
      ),
    );
  } catch (thrown) {
    if (asHarborError(thrown).code !== 'HARBOR_REDIS_UNAVAILABLE') throw thrown;
    return new Map();
  }
}

function whyOf({ message, entry }: HarborError): { readonly reason: string; readonly remedy: string } {
  return { reason: message, remedy: entry.remedy };
}

function countPorts({ harbor_node }: Settings, records: readonly Change[]): PortsView['counts'] {
  const { node_id, group, port_range, cooldown } = harbor_node;
  const membership = new Membership(node_id, group ?? undefined);
  const range = parsePortRange(port_range);
  const used = records.flatMap(({ kind, value }) =>
    kind === 'port' && value && membership.owns(value) ? [value.port] : [],
  );
  const cooling = coolingPorts(records, membership, cooldown);
  const inside = range ? used.filter((port) => rangeContains(range, port)).length : 0;
  const kept = range ? cooling.filter((port) => rangeContains(range, port)).length : 0;
  const free = range ? rangeSize(range) - inside - kept : 0;
  return { used: used.length, free, cooling: cooling.length };
}

/** The ports of a node, or its group, that cool down; the records of those that have are removed a little later. */
function coolingPorts(records: readonly Change[], membership: Membership, cooldown: number): number[] {
  return records.flatMap(({ kind, value }) =>
    kind === 'cooling' && value && membership.owns(value) && coolingEnd(value, cooldown * 1_000) > Date.now()
      ? [value.port]
      : [],
  );
}

async function readConflicts(place: Place, settings: Settings, patience: number): Promise<PortConflict[]> {
  const options = { timeoutMs: patience, unanswered: 'HARBOR_CONNECTOR_UNAVAILABLE' } as const;
  const { status } = nodeSubjects(settings.harbor_node.node_id);
  const reply = await withBus(
    place,
    settings,
    (bus) => bus.request(status, {}, statusReply, options),
    patience,
  );
  return reply.conflicts;
}
