import { runProcess } from '@harbor/runtime';
import { startConnector } from './connector.js';

/** harbor_proxy_connector: listens on the provisioned ports and proxies them to their backends. */
export async function main(_argv: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  await runProcess('harbor_proxy_connector', env, startConnector);
}
