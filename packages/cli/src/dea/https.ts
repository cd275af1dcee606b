import {
  backoffDelay,
  isHttpsName,
  transportsOf,
  type Clock,
  type Protocol,
  type Random,
} from '@harbor/core';
import { fileURLToPath } from 'node:url';
import { Instance } from './instance.js';

/** A service of an instance, and what the proxy needs to know of both. */
export interface HttpsBeside {
  readonly service: { readonly name: string; readonly protocol: Protocol; readonly port: number };
  /** Where the instance serves plain HTTP. */
  readonly httpPort: number;
  /** The application's root, in which its certificates lie. */
  readonly root: string;
  readonly env: NodeJS.ProcessEnv;
  /** How long requests under way may take when it ends, ms. */
  readonly killTimeout: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly onLine: (line: string, stream: 'stdout' | 'stderr') => void;
}

const PROGRAM = fileURLToPath(new URL('../../../../../bin/harbor_https_proxy', import.meta.url));

/** The waits before a proxy that ended is started again, ms. */
const RESTART = { first: 500, most: 30_000 };

/**
 * Starts the HTTPS proxy for a service whose name ends in `https`, beside an instance: it listens on the
 * service's port as soon as the instance serves HTTP. What it gives back ends it; undefined where none is due.
 */
export function httpsBeside(beside: HttpsBeside): (() => void) | undefined {
  const { service, httpPort, root, env, killTimeout, clock, random, onLine } = beside;
  if (!isHttpsName(service.name) || !transportsOf(service.protocol).includes('tcp')) return undefined;
  const flags = {
    '--listen': service.port,
    '--to': `127.0.0.1:${httpPort}`,
    '--service': service.name,
    '--root': root,
    '--drain-timeout': Math.max(0.1, killTimeout / 1_000),
  };
  const words = Object.entries(flags).flatMap(([flag, value]) => [flag, String(value)]);
  let ended = false;
  let ends = 0;
  let proxy: Instance | undefined;
  let cancel: () => void = () => undefined;
  const start = (): void => {
    proxy = new Instance([process.execPath, PROGRAM, ...words, '--wait'], env, {
      onLine: (line, stream) => onLine(`${service.name}: ${textOf(line)}`, stream),
      onExit: (how) => {
        if (ended) return;
        const wait = backoffDelay(RESTART, ends++, random);
        onLine(`${service.name}: its HTTPS proxy ${how}; it is started again`, 'stderr');
        cancel = clock.schedule(wait, start);
      },
    });
  };
  start();
  return () => {
    ended = true;
    cancel();
    void proxy?.stop(killTimeout);
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
