import { HarborError } from '@harbor/core';
import { takeLock } from '@harbor/machine';
import { capability, removeTable, run, type Family } from '@harbor/nftables';
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
    // Rules of a run before this one would go on forwarding what is no longer looked after.
    if (lock) await removeTable(run).catch(() => undefined);
    lock?.close();
    return { taken: 'embedded', families: [], why: 'data_plane is embedded' };
  }
  const { families, missing } = await capability(run);
  const reasons = lock ? missing : ['another Harbor of this machine has the table', ...missing];
  if (reasons.length === 0 && lock) {
    log.info({ event: 'data_plane', asked: data_plane, taken: 'kernel', families }, 'the kernel forwards');
    return { taken: 'kernel', families, lock };
  }
  lock?.close();
  const why = reasons.join('; ');
  if (data_plane === 'kernel')
    throw new HarborError('HARBOR_DATA_PLANE_UNAVAILABLE', `the kernel data plane cannot work: ${why}`, {
      details: { missing: reasons },
    });
  log.info(
    { event: 'data_plane', asked: data_plane, taken: 'embedded', why },
    `the embedded data plane forwards: ${why}`,
  );
  return { taken: 'embedded', families: [], why };
}
