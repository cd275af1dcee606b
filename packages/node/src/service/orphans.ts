import type { Bus } from '@harbor/bus';
import { asHarborError, backendId, type BackendTable, type Replica, type Service } from '@harbor/core';
import { purgeOrphan, serviceSubjects, type NodeHandles } from '@harbor/wire';
import type { Allocator } from '../ports/allocator.js';
import type { OperationLog } from './operation.js';

/** What is left free of the largest payload (wire facts §2), bytes. */
const MARGIN = 200;

export interface OrphanOptions {
  readonly bus: Bus;
  readonly service: string;
  readonly node: string;
  /** True for what is this node's to report though another made it: a member of its group that has gone. */
  readonly inherits?: (service: Service) => boolean;
  readonly replica: Replica;
  readonly allocator: Pick<Allocator, 'unprovision'>;
  readonly table: BackendTable;
  readonly log: OperationLog;
}

/** Says what this node has, and removes what an operator calls an orphan. */
export function serveOrphans(options: OrphanOptions): void {
  const { bus, node, replica, log } = options;
  const subjects = serviceSubjects(options.service);
  bus.hear(subjects.checkOrphan, () => {
    const mine = [...replica.all('service')].filter((one) => one.node === node || options.inherits?.(one));
    const names = mine.map(({ id }) => id);
    for (const chunk of handleChunks(node, names, bus.maxPayload - MARGIN))
      bus.publish(subjects.nodeHandles, chunk);
  });
  bus.subscribe(subjects.purgeOrphan(node), purgeOrphan, ({ orphan_ins_list }) => {
    for (const name of orphan_ins_list ?? [])
      purge(options, name).catch((thrown: unknown) => {
        const error = asHarborError(thrown);
        log.warn({ event: 'purge_failed', service: name, err: error }, error.message);
      });
  });
}

/**
 * The names in messages of at most `limit` bytes of JSON; one message where there are none. A binding is
 * a record of the gateway's only, so the node has none to report.
 */
export function handleChunks(node: string, names: readonly string[], limit: number): NodeHandles[] {
  const chunk = (instances_list: string[]): NodeHandles => ({
    instances_list,
    bindings_list: [],
    node_id: node,
  });
  const empty = Buffer.byteLength(JSON.stringify(chunk([])));
  const chunks: string[][] = [[]];
  let size = empty;
  for (const name of names) {
    const bytes = Buffer.byteLength(JSON.stringify(name)) + 1;
    if (size + bytes > limit && chunks.at(-1)?.length !== 0) {
      chunks.push([]);
      size = empty;
    }
    chunks.at(-1)?.push(name);
    size += bytes;
  }
  return chunks.map(chunk);
}

async function purge({ allocator, table, log }: OrphanOptions, name: string): Promise<void> {
  if (!(await allocator.unprovision(name, table.ofService(name).map(backendId)))) return;
  table.removeService(name);
  log.info({ event: 'orphan_purged', service: name }, 'an orphan was removed');
}
