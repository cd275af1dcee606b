import { startCommand } from '@harbor/testbed';
import { memory } from '../processes.js';
import type { Contender } from './contenders.js';
import type { Found } from './measure.js';
import { program } from './servers.js';

/** How long after the last connection the memory is looked at, ms: what was for setting up has gone by then. */
const SETTLE = 1_000;
/** What is settled changes by less than this in that time, MB; and this often it is looked at, at most. */
const STILL = 0.5;
const LOOKS = 20;

/**
 * What idle connections take in the processes of a contender, over what they took before; resolves with
 * nothing where it cannot hold as many.
 */
export async function idleMemory(contender: Contender, connections: number): Promise<Found | undefined> {
  const before = await settled(contender);
  const [node = '', ...args] = program('idle', contender.host, contender.ports.hold, connections);
  const client = startCommand(node, args, {
    netns: contender.client.netns,
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const ended = new Promise<boolean>((done) => client.once('exit', () => done(false)));
  try {
    const held = new Promise<boolean>((done) => client.stdout?.once('data', () => done(true)));
    if (!(await Promise.race([held, ended]))) return undefined;
    const all = await settled(contender);
    return { memory: all - before, memoryAll: all };
  } finally {
    client.kill('SIGKILL');
    await ended;
    // Its connections are gone before the next measurement begins.
    await new Promise((resolve) => setTimeout(resolve, SETTLE));
  }
}

/** The memory as soon as it stays as it is: a garbage collector takes its time. */
async function settled(contender: Contender): Promise<number> {
  let last = Infinity;
  for (let look = 0; look < LOOKS; look++) {
    const now = memory(contender.pids());
    if (Math.abs(now - last) < STILL) return now;
    last = now;
    await new Promise((resolve) => setTimeout(resolve, SETTLE));
  }
  return last;
}
