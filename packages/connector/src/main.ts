import { runProcess } from '@harbor/runtime';
import { startConnector } from './connector.js';

/** harbor_proxy_connector: listens on the provisioned ports and proxies them to their backends. */
export async function main(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  const about = 'harbor_proxy_connector listens on the provisioned ports and proxies them to their backends.';
  await runProcess({ name: 'harbor_proxy_connector', about }, argv, env, startConnector);
}
