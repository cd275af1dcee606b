import { untilSignal } from '@harbor/machine';
import { fail } from '@harbor/terminal';
import cluster from 'node:cluster';
import { CommanderError } from 'commander';
import { command } from './options.js';
import { serve } from './serve.js';
import { joinAsWorker, superviseWorkers } from './workers.js';

/** harbor_https_proxy: HTTPS in front of an application that speaks plain HTTP. Runs until SIGTERM. */
export async function main(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  try {
    await command(async (flags) => {
      if (cluster.isWorker) await serve(flags, env, await joinAsWorker());
      else if (flags.workers > 1) await superviseWorkers(flags);
      else await serve(flags, env, { ended: untilSignal(), leads: true, of: 1 });
    }).parseAsync([...argv], { from: 'user' });
  } catch (thrown) {
    if (thrown instanceof CommanderError) process.exitCode = thrown.exitCode === 0 ? 0 : 2;
    else fail('harbor_https_proxy', thrown);
  }
}
