import { describeKeys } from '@harbor/config';
import {
  adopt,
  asHarborError,
  contradictions,
  HarborError,
  Membership,
  parsePortRange,
  portsOf,
  transportsOf,
  type Adoption,
  type Random,
  type Service,
  type Snapshot,
} from '@harbor/core';
import { portHolder } from '@harbor/machine';
import { overlayOfRecords, version, withStore, type Place } from '@harbor/runtime';
import { note, say, sayJson } from '@harbor/terminal';
import {
  DATA_FORMAT,
  DATA_KINDS,
  DATA_VERSION,
  parseDataFile,
  type DataFile,
  type DataRecords,
} from '@harbor/wire';
import { randomUUID } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';

export interface DataForm {
  readonly json?: boolean;
}

export interface ImportOptions extends DataForm {
  readonly force?: boolean;
  readonly keepNodes?: boolean;
}

/** What describes the machine and not the cluster: another machine does not take it over. */
const OF_THE_MACHINE = [
  'harbor_node.node_id',
  'harbor_node.group',
  'harbor_node.host',
  'harbor_node.hostname',
];
/** From here on it says what it does, ms. */
const PATIENCE = 1_000;

/** `kato data export FILE`: everything there is, at one moment. */
export async function dataExport(place: Place, file: string, now: Date, { json }: DataForm): Promise<void> {
  const path = resolve(file);
  const snapshot = await saying('reading the state', () => readState(place));
  const data: DataFile = {
    format: DATA_FORMAT,
    version: DATA_VERSION,
    exported_at: now.toISOString(),
    harbor_version: version(),
    node_id: place.load(overlayOfRecords(snapshot.records)).harbor_node.node_id,
    records: recordsOf(snapshot),
  };
  writeWhole(path, `${JSON.stringify(data, null, 1)}\n`);
  const counts = countsOf(data.records);
  if (json) sayJson({ file: path, counts });
  else say(`${path}: ${described(counts)}; it holds secrets, keep it as such`);
}

/** `kato data import FILE`: checked whole, then put in place in one step. */
export async function dataImport(
  place: Place,
  file: string,
  random: Random,
  { force = false, keepNodes = false, json = false }: ImportOptions,
): Promise<void> {
  const data = read(resolve(file));
  const problems = [...contradictions(data.records), ...unknownSettings(data.records)];
  if (problems.length > 0) {
    const more = problems.length > 10 ? `; and ${problems.length - 10} more` : '';
    throw new HarborError('HARBOR_DATA_INVALID', `${file}: ${problems.slice(0, 10).join('; ')}${more}`);
  }
  const before = await saying('reading the state', () => readState(place));
  const present = described(countsOf(recordsOf(before)));
  if (!force && present !== '')
    throw new HarborError('HARBOR_DATA_EXISTS', `there is data already: ${present}`);
  const here = place.load(overlayOfRecords(before.records)).harbor_node.node_id;
  const { records, left } = keptSettings(data, here);
  const settings = place.load(
    Object.fromEntries(Object.entries(records.config).map(([id, e]) => [id, e.value])),
  );
  const range = parsePortRange(settings.harbor_node.port_range) ?? { low: 1, high: 0 };
  const group = settings.harbor_node.group ?? undefined;
  const membership = new Membership(here, group);
  const plan = adopt(records, { node: keepNodes ? undefined : here, group, range, random });
  if (!plan)
    throw new HarborError(
      'HARBOR_PORT_RANGE_FULL',
      `${file} has services of several nodes with one port, and ${settings.harbor_node.port_range} no place for all`,
    );
  const held = await saying('looking for ports that others hold', () => heldPorts(plan, membership, before));
  const done = await saying(`writing ${plan.writes.length} records`, () =>
    withStore(place, (store) => store.replace(before.revision, plan.writes)),
  );
  if (!done)
    throw new HarborError(
      'HARBOR_STATE_CONFLICT',
      'the state changed while it was compared; nothing was imported',
    );
  tell({ plan, held, left, counts: countsOf(records) }, json);
}

/** Runs something; where it takes over a second, each second says so. */
async function saying<T>(what: string, work: () => Promise<T>): Promise<T> {
  const start = Date.now();
  const timer = setInterval(() => note(`${what} … ${Math.round((Date.now() - start) / 1_000)} s`), PATIENCE);
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}

async function readState(place: Place): Promise<Snapshot> {
  try {
    return await withStore(place, (store) => store.snapshot([...DATA_KINDS, 'port']));
  } catch (thrown) {
    const error = asHarborError(thrown);
    if (error.code !== 'HARBOR_REDIS_UNAVAILABLE') throw thrown;
    throw new HarborError('HARBOR_NOT_RUNNING', `${error.message}; kato start harbor_redis is enough`, {
      cause: thrown,
    });
  }
}

function recordsOf({ records }: Snapshot): DataFile['records'] {
  const tables: Record<string, Record<string, unknown>> = Object.fromEntries(
    DATA_KINDS.map((kind) => [kind, {}]),
  );
  for (const { kind, id, value } of records) {
    const table = tables[kind];
    if (table)
      Object.defineProperty(table, id, { value, enumerable: true, configurable: true, writable: true });
  }
  return tables as unknown as DataFile['records'];
}

/** The whole file or none: what was there stays until all of the new one is on disk. */
function writeWhole(path: string, text: string): void {
  const part = `${path}.${randomUUID()}.part`;
  try {
    const file = openSync(part, 'wx', 0o600);
    try {
      writeFileSync(file, text);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(part, path);
  } catch (cause) {
    rmSync(part, { force: true });
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new HarborError('HARBOR_USAGE', `${path} cannot be written: ${reason}`, { cause });
  }
}

function read(path: string): DataFile {
  try {
    return parseDataFile(readFileSync(path, 'utf8'), path);
  } catch (thrown) {
    if (thrown instanceof HarborError) throw thrown;
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    throw new HarborError('HARBOR_USAGE', `${path} cannot be read: ${reason}`, { cause: thrown });
  }
}

/** Values are checked with all other settings, where they are loaded. */
function unknownSettings({ config }: DataRecords): string[] {
  const known = new Set(describeKeys().map(({ id }) => id));
  return Object.keys(config).flatMap((id) => (known.has(id) ? [] : [`config ${id}: there is no such key`]));
}

/** From another node its settings come without those that describe its machine. */
function keptSettings(data: DataFile, here: string): { records: DataFile['records']; left: string[] } {
  const { config, ...rest } = data.records;
  const left = data.node_id === here ? [] : OF_THE_MACHINE.filter((id) => Object.hasOwn(config, id));
  const kept = Object.fromEntries(Object.entries(config).filter(([id]) => !left.includes(id)));
  return { records: { ...rest, config: kept }, left };
}

/** A port of this node that a process has which is no connector serving it already. */
interface Held {
  readonly service: Service;
  readonly port: number;
  readonly pid: number;
  readonly command: string;
}

function heldPorts({ services }: Adoption, membership: Membership, before: Snapshot): Promise<Held[]> {
  const served = new Set(
    before.records.flatMap(({ kind, value }) =>
      kind === 'port' && value && membership.owns(value) ? [value.port] : [],
    ),
  );
  const held = services
    .filter((service) => membership.owns(service))
    .flatMap((service) =>
      portsOf(service)
        .filter((port) => !served.has(port))
        .flatMap((port): Held[] => {
          const holders = transportsOf(service.protocol).flatMap((protocol) =>
            portHolder({ port, protocol }),
          );
          const [holder] = holders;
          return holder ? [{ service, port, pid: holder.pid, command: holder.command }] : [];
        }),
    );
  return Promise.resolve(held);
}

type Counts = Readonly<Record<string, number>>;

function countsOf(records: DataRecords): Counts {
  return Object.fromEntries(DATA_KINDS.map((kind) => [kind, Object.keys(records[kind]).length]));
}

/** `2 services, 1 binding`; empty where there is nothing. */
function described(counts: Counts): string {
  const words: Readonly<Record<string, string>> = { config: 'setting', cooling: 'cooling port' };
  return Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([kind, count]) => `${count} ${words[kind] ?? kind}${count === 1 ? '' : 's'}`)
    .join(', ');
}

interface Imported {
  readonly plan: Adoption;
  readonly held: readonly Held[];
  readonly left: readonly string[];
  readonly counts: Counts;
}

function tell({ plan, held, left, counts }: Imported, json: boolean): void {
  const { moved, outside } = plan;
  if (json) {
    sayJson({
      counts,
      moved: moved.map(({ service, from }) => ({
        ...{ service: service.id, name: service.name, port: service.port, int_port: service.intPort },
        from: { port: from.port, int_port: from.intPort },
      })),
      outside: outside.map(({ id, name, port }) => ({ service: id, name, port })),
      held: held.map(({ service, port, pid, command }) => ({
        ...{ service: service.id, name: service.name, port, pid, command },
      })),
      settings_left_out: left,
    });
    return;
  }
  say(`imported ${described(counts) || 'nothing'}`);
  for (const { service, from } of moved)
    say(`  ${service.name}: port ${from.port} is another service's too, it has ${service.port} now`);
  for (const { name, port } of outside)
    say(`  ${name}: port ${port} lies outside the range; it is served all the same`);
  for (const { service, port, pid, command } of held)
    say(`  ${service.name}: port ${port} is held by pid ${pid} (${command}); it is served when that ends`);
  for (const id of left) say(`  ${id.replace('.', ' ')} is another machine's and left out`);
}
