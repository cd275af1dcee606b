import { runProcess } from '@harbor/runtime';
import { startNode } from './node.js';

/** harbor_node: allocates ports and keeps the backends that the DEAs announce. */
export async function main(_argv: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  await runProcess('harbor_node', env, startNode);
}
