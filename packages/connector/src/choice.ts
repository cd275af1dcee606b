import { HarborError } from '@harbor/core';
import { takeLock } from '@harbor/machine';
import { blockedBy, capability, removeTable, run, type Family } from '@harbor/nftables';
import type { ProcessContext } from '@harbor/runtime';
import type { Server } from 'node:net';

/** Which plane forwards: the kernel's where it works, with the families it forwards, else the relay alone. */
export interface PlaneChoice {
  readonly taken: 'kernel' | 'embedded';
  readonly families: readonly Family[];
  /** Why the relay alone forwards; nothing where the kernel does. */
  readonly why?: string;
  /** Holds our table against another Harbor of this machine. */
  readonly lock?: Server;
  /**
   * Where the relay alone forwards: takes away what a run before this one left in the kernel, which would
   * lead clients past the relay to backends nobody looks after. To be called once the relay listens.
   */
  readonly retire: () => Promise<void>;
}

/**
 * Chooses as `data_plane` says and logs which plane was taken and why.
 * Errors: HARBOR_DATA_PLANE_UNAVAILABLE where the kernel's is asked for by name and cannot work.
 */
export async function choosePlane({ settings, log }: ProcessContext): Promise<PlaneChoice> {
  const { data_plane } = settings.current.harbor_proxy_connector;
  // One Harbor of a network namespace has the table.
  const lock = await takeLock('nftables');
  if (data_plane === 'embedded') {
    log.info(
      { event: 'data_plane', asked: data_plane, taken: 'embedded' },
      'the embedded data plane forwards',
    );
    return { taken: 'embedded', families: [], why: 'data_plane is embedded', retire: retirer(lock) };
  }
  const { families: possible, missing } = await capability(run);
  const blocked = missing.length === 0 ? await blockedBy(run) : {};
  const reasons = [
    ...(lock ? [] : ['another Harbor of this machine has the table']),
    ...missing,
    // Asked for by name it is taken: there may be rules of theirs that let all that matters pass.
    ...(data_plane === 'auto' && blocked.ip ? [blocked.ip] : []),
  ];
  if (reasons.length === 0 && lock) {
    const families = possible.filter((family) => data_plane === 'kernel' || !blocked[family]);
    for (const why of new Set(Object.values(blocked))) log.warn({ event: 'forwarding_dropped', why }, why);
    log.info({ event: 'data_plane', asked: data_plane, taken: 'kernel', families }, 'the kernel forwards');
    return { taken: 'kernel', families, lock, retire: retirer(undefined) };
  }
  const why = reasons.join('; ');
  if (data_plane === 'kernel') {
    lock?.close();
    throw new HarborError('HARBOR_DATA_PLANE_UNAVAILABLE', `the kernel data plane cannot work: ${why}`, {
      details: { missing: reasons },
    });
  }
  log.info(
    { event: 'data_plane', asked: data_plane, taken: 'embedded', why },
    `the embedded data plane forwards: ${why}`,
  );
  return { taken: 'embedded', families: [], why, retire: retirer(lock) };
}

/** Without the lock the table is another's; without the right to it there is nothing to be done. */
function retirer(lock: Server | undefined): () => Promise<void> {
  return async () => {
    if (!lock) return;
    await removeTable(run).catch(() => undefined);
    lock.close();
  };
}
