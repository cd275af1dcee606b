import { runProcess } from '@harbor/runtime';
import { startGateway } from './start.js';

/** harbor_gateway: the HTTP face of Harbor. */
export async function main(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  const about = 'harbor_gateway is the HTTP face of Harbor.';
  await runProcess({ name: 'harbor_gateway', about }, argv, env, startGateway);
}
