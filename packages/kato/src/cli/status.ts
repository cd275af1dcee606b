import { ROLES, rolesOf, type RoleName } from '@harbor/config';
import type { Place } from '@harbor/runtime';
import type { PortConflict } from '@harbor/wire';
import { PROCESSES, processesOf } from '../processes/catalogue.js';
import { isHere } from '../processes/here.js';
import {
  connectSupervisor,
  LOOK_PATIENCE,
  type ProcessStatus,
  type SupervisorView,
} from '../supervisor/index.js';
import { note, paint, say, sayJson, table } from '@harbor/terminal';
import { readPorts, serviceNames, type PortsView } from './ports.js';

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

/** `kato status`: what is known, and why something is not; nobody who does not answer is waited for longer. */
export async function status(place: Place, options: { readonly json?: boolean }): Promise<void> {
  const [view, ports] = await Promise.all([supervisorView(place), readPorts(place)]);
  const found = statusOf(rolesWith(place, processesIn(place, view)), ports);
  if (options.json) sayJson(found);
  else print(found, view, ports, await serviceNames(place, ports));
  const running = found.roles.some(({ processes }) => processes.some(({ state }) => state !== 'STOPPED'));
  if (!running && !place.isNew) note('Harbor is not running in this home; start it with: kato start');
}

/** Everything `kato status` shows. Errors: HARBOR_CONFIG_INVALID, HARBOR_SUPERVISOR_UNAVAILABLE. */
export async function readStatus(place: Place): Promise<Status> {
  const [roles, ports] = await Promise.all([readRoles(place), readPorts(place)]);
  return statusOf(roles, ports);
}

function statusOf(
  roles: readonly RoleStatus[],
  { node: node_id, range, counts, conflicts = [], unknown }: PortsView,
): Status {
  const { used, free, cooling } = counts ?? { used: null, free: null, cooling: null };
  const why = unknown.map(({ reason }) => reason).join('; ');
  const unavailable = why === '' ? {} : { unavailable: why };
  return { node_id, roles, ports: { range, used, free, cooling, conflicts, ...unavailable } };
}

/** The roles of this machine; one that was removed shows as long as something of it still runs. */
export async function readRoles(place: Place): Promise<RoleStatus[]> {
  return rolesWith(place, await readProcesses(place));
}

/** Every process of this machine, in the order of the listings. Errors: HARBOR_SUPERVISOR_UNAVAILABLE. */
export async function readProcesses(place: Place): Promise<readonly ProcessStatus[]> {
  return processesIn(place, await supervisorView(place));
}

/** Undefined where no supervisor runs. */
async function supervisorView(place: Place): Promise<SupervisorView | undefined> {
  return (await connectSupervisor(place, LOOK_PATIENCE))?.view();
}

function processesIn(place: Place, view: SupervisorView | undefined): readonly ProcessStatus[] {
  return view ? view.processes : stopped(place);
}

function rolesWith(place: Place, processes: readonly ProcessStatus[]): RoleStatus[] {
  const has = rolesOf(place.home);
  return ROLES.map((name) => {
    const all = processesOf(name);
    return { name, processes: processes.filter((process) => all.includes(process.name)) };
  }).filter(({ name, processes: some }) => has.includes(name) || some.length > 0);
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

function print(
  { node_id, roles, ports }: Status,
  supervisor: SupervisorView | undefined,
  { conflicts, unknown }: PortsView,
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
    `ports ${ports.range}: ${ports.used ?? '?'} used, ${ports.free ?? '?'} free, ${ports.cooling ? `${ports.cooling} cooling down, ` : ''}${conflicts?.length ?? '?'} in conflict`,
  );
  for (const { port, protocol, service, pid, command } of ports.conflicts) {
    say(
      paint(
        'red',
        `  ${protocol}/${port} of service ${names.get(service) ?? service} is held by pid ${pid ?? '?'} (${command ?? 'not to be seen'})`,
      ),
    );
  }
  const isRunning = roles.some(({ processes }) => processes.some(({ state }) => state !== 'STOPPED'));
  for (const { reason, remedy } of unknown) {
    note(`not everything is known: ${reason}`);
    // Where nothing runs there is but one thing to do, and it is said at the end.
    if (remedy !== undefined && isRunning) note(`  → ${remedy}`);
  }
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
