import { HarborError } from '@harbor/core';
import type { Run } from './command.js';
import { SERVED, TABLE } from './service.js';

/** As `nft -j list set` prints it, as far as it matters here. */
interface ListedSet {
  readonly nftables: readonly { readonly set?: { readonly elem?: readonly unknown[] } }[];
}

/** How many listeners the kernel forwards, whether a Harbor runs or not; 0 where it cannot be asked. */
export async function forwardedListeners(run: Run): Promise<number> {
  try {
    const text = await run('nft', ['-j', 'list', 'set', ...TABLE.split(' '), SERVED]);
    const { nftables } = JSON.parse(text) as ListedSet;
    return nftables.reduce((count, { set }) => count + (set?.elem?.length ?? 0), 0);
  } catch {
    return 0;
  }
}

/**
 * Takes our table away, and nothing else; none there is fine, and so is a machine without nft.
 * Errors: HARBOR_DATA_PLANE_UNAVAILABLE where that is not allowed.
 */
export async function removeTable(run: Run): Promise<void> {
  try {
    await run('nft', ['-f', '-'], `table ${TABLE}\ndelete table ${TABLE}\n`);
  } catch (error) {
    const cause =
      error instanceof HarborError ? (error.cause as NodeJS.ErrnoException | undefined) : undefined;
    if (cause?.code !== 'ENOENT') throw error;
  }
}
