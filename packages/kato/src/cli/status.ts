import {
  asHarborError,
  coolingEnd,
  Membership,
  parsePortRange,
  rangeContains,
  rangeSize,
  type Change,
} from '@harbor/core';
import { type Place, liveSettings, withBus, withStore } from '@harbor/runtime';
import { nodeSubjects, statusReply, type PortConflict } from '@harbor/wire';
import { ROLES, rolesOf, type RoleName } from '@harbor/config';
import { PROCESSES, processesOf } from '../processes/catalogue.js';
import { isHere } from '../processes/here.js';
import { connectSupervisor, type ProcessStatus, type SupervisorView } from '../supervisor/index.js';
import { note, paint, say, sayJson, table } from '@harbor/terminal';

/** A role of this machine, and how what it consists of stands. */
export interface RoleStatus {
  readonly name: RoleName;
  readonly processes: readonly ProcessStatus[];
}

/** What `kato status --json` prints (contract §2). */
export interface Status {
  readonly node_id: string;
  readonly roles: readonly RoleStatus[];
  readonly ports: {
    readonly range: string;
    readonly used: number | null;
    readonly free: number | null;
    /** Given back a moment ago and kept from others. */
    readonly cooling: number | null;
    readonly conflicts: readonly PortConflict[];
    /** Why a number is missing. */
    readonly unavailable?: string;
  };
}

export async function status(place: Place, options: { readonly json?: boolean }): Promise<void> {
  const found = await readStatus(place);
  if (options.json) sayJson(found);
  else print(found, await (await connectSupervisor(place))?.view(), await serviceNames(place, found));
  const running = found.roles.some(({ processes }) => processes.some(({ state }) => state !== 'STOPPED'));
  if (!running && !place.isNew) note('Harbor is not running in this home; start it with: kato start');
}

/** Everything `kato status` shows. */
export async function readStatus(place: Place): Promise<Status> {
  const roles = await readRoles(place);
  const { settings } = await liveSettings(place);
  const { node_id, group, port_range, cooldown } = settings.harbor_node;
  const membership = new Membership(node_id, group ?? undefined);
  return {
    node_id,
    roles,
    ports: { range: port_range, ...(await readPorts(place, membership, port_range, cooldown)) },
  };
}

/** The roles of this machine; one that was removed shows as long as something of it still runs. */
export async function readRoles(place: Place): Promise<RoleStatus[]> {
  const processes = await readProcesses(place);
  const has = rolesOf(place.home);
  return ROLES.map((name) => {
    const all = processesOf(name);
    return { name, processes: processes.filter((process) => all.includes(process.name)) };
  }).filter(({ name, processes: some }) => has.includes(name) || some.length > 0);
}

/** Every process of this machine, in the order of the listings. */
export async function readProcesses(place: Place): Promise<ProcessStatus[]> {
  const supervisor = await connectSupervisor(place);
  return supervisor ? supervisor.status() : stopped(place);
}

function stopped(place: Place): ProcessStatus[] {
  const { harbor_redis, nats_server } = place.load({});
  const ours = PROCESSES.filter(({ name }) => isHere(place.home, name));
  const foreign = [harbor_redis.url ? 'harbor_redis' : '', nats_server.url ? 'nats_server' : ''];
  return ours
    .filter(({ name }) => !foreign.includes(name))
    .map(({ name }) => ({
      name,
      state: 'STOPPED' as const,
      pid: null,
      uptime_s: null,
      restarts: 0,
    }));
}

async function readPorts(
  place: Place,
  membership: Membership,
  text: string,
  cooldown: number,
): Promise<Omit<Status['ports'], 'range'>> {
  const range = parsePortRange(text);
  try {
    const { records } = await withStore(place, (store) => store.snapshot(['port', 'cooling']));
    const used = records.flatMap(({ kind, value }) =>
      kind === 'port' && value && membership.owns(value) ? [value.port] : [],
    );
    const cooling = coolingPorts(records, membership, cooldown);
    const inside = range ? used.filter((port) => rangeContains(range, port)).length : 0;
    const kept = range ? cooling.filter((port) => rangeContains(range, port)).length : 0;
    const free = range ? rangeSize(range) - inside - kept : 0;
    const counts = { used: used.length, free, cooling: cooling.length };
    if (!rolesOf(place.home).includes('harbor'))
      return { ...counts, conflicts: [], unavailable: 'this machine has not the role harbor' };
    try {
      return { ...counts, conflicts: await readConflicts(place, membership.node) };
    } catch (thrown) {
      return { ...counts, conflicts: [], unavailable: asHarborError(thrown).message };
    }
  } catch (thrown) {
    return {
      used: null,
      free: null,
      cooling: null,
      conflicts: [],
      unavailable: asHarborError(thrown).message,
    };
  }
}

/** The ports of a node, or its group, that cool down; the records of those that have are removed a little later. */
function coolingPorts(records: readonly Change[], membership: Membership, cooldown: number): number[] {
  return records.flatMap(({ kind, value }) =>
    kind === 'cooling' && value && membership.owns(value) && coolingEnd(value, cooldown * 1_000) > Date.now()
      ? [value.port]
      : [],
  );
}

async function readConflicts(place: Place, node: string): Promise<PortConflict[]> {
  const { settings } = await liveSettings(place);
  const options = { timeoutMs: 2_000, unanswered: 'HARBOR_CONNECTOR_UNAVAILABLE' } as const;
  const reply = await withBus(place, settings, (bus) =>
    bus.request(nodeSubjects(node).status, {}, statusReply, options),
  );
  return reply.conflicts;
}

/** What people call the services whose ports are in conflict. */
async function serviceNames(place: Place, { ports }: Status): Promise<ReadonlyMap<string, string>> {
  if (ports.conflicts.length === 0) return new Map();
  const { records } = await withStore(place, (store) => store.snapshot(['service']));
  return new Map(
    records.flatMap(({ kind, id, value }) =>
      kind === 'service' && value ? [[id, value.name] as const] : [],
    ),
  );
}

function print(
  { node_id, roles, ports }: Status,
  supervisor: SupervisorView | undefined,
  names: ReadonlyMap<string, string>,
): void {
  say(paint('bold', `node ${node_id}${supervisor ? `, supervised by pid ${supervisor.pid}` : ''}`));
  const rows = roles.flatMap(({ name: role, processes }) =>
    processes.map(({ name, state, pid, uptime_s, restarts }) => [
      role,
      name,
      state,
      pid === null ? '' : String(pid),
      uptime_s === null ? '' : duration(uptime_s),
      restarts === 0 ? '' : String(restarts),
    ]),
  );
  const text = table([['role', 'process', 'state', 'pid', 'up', 'restarts'], ...rows]);
  say(
    text
      .replace(/\bRUNNING\b/g, paint('green', 'RUNNING'))
      .replace(/\b(FATAL|BACKOFF)\b/g, (word) => paint('red', word)),
  );
  for (const [name, reason] of Object.entries(supervisor?.reasons ?? {})) {
    say(paint('red', `  ${name}: ${reason}`));
    say(`  → kato log tail ${name}; when it is mended: kato process start ${name}`);
  }
  say('');
  say(
    `ports ${ports.range}: ${ports.used ?? '?'} used, ${ports.free ?? '?'} free, ${ports.cooling ? `${ports.cooling} cooling down, ` : ''}${ports.conflicts.length} in conflict`,
  );
  for (const { port, protocol, service, pid, command } of ports.conflicts) {
    say(
      paint(
        'red',
        `  ${protocol}/${port} of service ${names.get(service) ?? service} is held by pid ${pid ?? '?'} (${command ?? 'not to be seen'})`,
      ),
    );
  }
  if (ports.unavailable) note(`not everything is known: ${ports.unavailable}`);
}

function duration(seconds: number): string {
  const [days, hours, minutes] = [
    Math.floor(seconds / 86_400),
    Math.floor(seconds / 3_600) % 24,
    Math.floor(seconds / 60) % 60,
  ];
  if (days > 0) return `${days}d ${hours}h`;
  if (hours > 0) return `${hours}h ${minutes}m`;
  return minutes > 0 ? `${minutes}m ${seconds % 60}s` : `${seconds}s`;
}
