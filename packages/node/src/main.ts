import { runProcess } from '@harbor/runtime';
import { startNode } from './node.js';

/** harbor_node: allocates ports and keeps the backends that the DEAs announce. */
export async function main(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  const about = 'harbor_node allocates ports and keeps the backends that the DEAs announce.';
  await runProcess({ name: 'harbor_node', about }, argv, env, startNode);
}
