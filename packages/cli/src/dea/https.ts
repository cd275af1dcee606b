import { Restarts, type Clock, type Random } from '@harbor/core';
import { fileURLToPath } from 'node:url';
import type { Berth, NeededProxy } from './berth.js';
import { Instance } from './instance.js';

/** A proxy that is due, and what it needs to know of its instance. */
export interface HttpsBeside {
  readonly needed: NeededProxy;
  /** Where the instance lies, and the proxy beside it. */
  readonly berth: Berth;
  /** The application's root, in which its certificates lie. */
  readonly root: string;
  readonly env: NodeJS.ProcessEnv;
  /** How long requests under way may take when it ends, ms. */
  readonly killTimeout: number;
  /** How many instances the application has here. */
  readonly instances: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly onLine: (line: string, stream: 'stdout' | 'stderr') => void;
}

/** The proxy beside an instance. */
export interface RunningProxy {
  /** Takes no more requests; resolves when those under way have ended, or had their time. */
  stop(): Promise<void>;
  kill(): void;
}

const PROGRAM = fileURLToPath(new URL('../../../../../bin/harbor_https_proxy', import.meta.url));

/**
 * Starts an HTTPS proxy beside an instance: it listens on the service's port as soon as the instance serves
 * HTTP.
 */
export function httpsBeside(beside: HttpsBeside): RunningProxy {
  const { needed, berth, root, env, killTimeout, instances, clock, random, onLine } = beside;
  const flags = {
    '--listen': needed.listens,
    '--to': `127.0.0.1:${needed.upstream}`,
    '--service': needed.service,
    '--root': root,
    '--drain-timeout': Math.max(0.1, killTimeout / 1_000),
  };
  // Several instances have the cores busy by themselves.
  const alone = instances > 1 && env.HARBOR_HTTPS_PROXY_WORKERS === undefined ? ['--workers', '1'] : [];
  const headed = needed.proxyProtocol ? ['--proxy-protocol'] : [];
  const words = Object.entries(flags).flatMap(([flag, value]) => [flag, String(value)]);
  let ended = false;
  const restarts = new Restarts(random);
  let proxy: Instance | undefined;
  let cancel: () => void = () => undefined;
  const start = (): void => {
    const since = clock.now();
    proxy = new Instance(
      berth.command([process.execPath, PROGRAM, ...words, ...alone, ...headed, '--wait']),
      { env, cwd: root },
      {
        onLine: (line, stream) => onLine(`${needed.service}: ${textOf(line)}`, stream),
        onExit: (how) => {
          if (ended) return;
          const wait = restarts.wait(clock.now() - since);
          onLine(`${needed.service}: its HTTPS proxy ${how}; it is started again`, 'stderr');
          cancel = clock.schedule(wait, start);
        },
      },
    );
  };
  start();
  return {
    async stop() {
      ended = true;
      cancel();
      await proxy?.stop(killTimeout);
    },
    kill: () => proxy?.kill(),
  };
}

/** What a line of its log says to people. */
function textOf(line: string): string {
  try {
    const { msg } = JSON.parse(line) as { msg?: unknown };
    return typeof msg === 'string' ? msg : line;
  } catch {
    return line;
  }
}
