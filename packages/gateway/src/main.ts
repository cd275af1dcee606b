import { runProcess } from '@harbor/runtime';
import { startGateway } from './start.js';

/** harbor_gateway: the HTTP face of Harbor. */
export async function main(_argv: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  await runProcess('harbor_gateway', env, startGateway);
}
