import { hasProgram } from '@harbor/machine';
import { readdirSync } from 'node:fs';
import { run } from './command.js';
import { removeLeftGroups } from './memory.js';
import { removeNetwork } from './network.js';
import { isLeft } from './owner.js';

/** Where ip(8) keeps its namespaces. */
const NAMESPACES = '/run/netns';

/**
 * Takes away what isolated instances of a `harbor run` that was killed have left, and their processes.
 * Resolves with a line for each.
 */
export async function removeLeftovers(): Promise<string[]> {
  if (process.getuid?.() !== 0 || !hasProgram('ip')) return [];
  const removed: string[] = [];
  for (const name of list(NAMESPACES).filter(isLeft)) {
    await removeNetwork(run, name);
    removed.push(`removed the network namespace ${name} of a harbor run that was killed`);
  }
  for (const name of await removeLeftGroups())
    removed.push(`removed the control group ${name} of a harbor run that was killed`);
  if (!hasProgram('nft')) return removed;
  for (const name of (await tables()).filter(isLeft)) {
    await run('nft', ['delete', 'table', 'ip', name]);
    removed.push(`removed the nftables table ${name} of a harbor run that was killed`);
  }
  return removed;
}

async function tables(): Promise<string[]> {
  const text = await run('nft', ['list', 'tables', 'ip']);
  return [...text.matchAll(/^table ip (\S+)$/gm)].map(([, name = '']) => name);
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
