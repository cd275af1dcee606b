import { note } from '@harbor/terminal';
import { buildLab, type Lab, type Scope } from '@harbor/testbed';
import type { Figure } from '../figures.js';
import { startBackends } from './backends.js';
import { direct, harbor, mostConnections, proxy, type Contender } from './contenders.js';
import { ratios } from './goals.js';
import { MEASUREMENTS } from './measure.js';
import { idleMemory } from './memory.js';
import { CONTENDERS, METRICS, Samples } from './metrics.js';
import { raiseOpenFiles } from './servers.js';

export interface LabOptions {
  readonly rounds: number;
  /** How long each measurement goes on, s. */
  readonly seconds: number;
  /** Idle connections, whose memory is measured. */
  readonly idle: number;
}

/**
 * The data planes beside HAProxy and nginx: the same clients and backends, one after the other in each round,
 * so that what else the machine does meets all of them.
 */
export async function benchLab(scope: Scope, { rounds, seconds, idle }: LabOptions): Promise<Figure[]> {
  const openFiles = await raiseOpenFiles();
  const contenders = await stage(scope, openFiles);
  const samples = new Samples();
  const unable: string[] = [];
  // One that fails is said and left out: the others took too long to be thrown away.
  const failed: string[] = [];
  const connections = Math.min(idle, mostConnections(openFiles));
  for (const each of contenders.filter(({ pids }) => pids().length > 0)) {
    note(`lab: ${connections} idle connections, ${CONTENDERS[each.name]}`);
    const found = await idleMemory(each, connections);
    if (found === undefined) unable.push(CONTENDERS[each.name]);
    else record(samples, each, found);
  }
  for (let round = 0; round < rounds; round++)
    for (const [at, { name, fits, run }] of MEASUREMENTS.entries()) {
      note(`lab: round ${round + 1} of ${rounds}, ${name}`);
      for (const each of rotated(contenders, round + at).filter(fits))
        try {
          record(samples, each, await run(each, seconds));
        } catch (error) {
          note(`lab: ${CONTENDERS[each.name]}, ${name}: ${String(error)}`);
          failed.push(`${CONTENDERS[each.name]}, ${name}`);
        }
    }
  const failures = {
    name: 'measurements that failed',
    value: failed.length,
    unit: '',
    note: failed.join('; '),
  };
  return [
    ...samples.figures(),
    held(connections, idle, unable),
    { ...failures, group: 'the run itself', atMost: 0 },
    ...ratios(samples),
  ];
}

/** How many connections the memory is of, and who could not hold them. */
function held(connections: number, asked: number, unable: readonly string[]): Figure {
  const less = connections < asked ? [`this machine allows open files for no more than these`] : [];
  const notes = [...less, ...unable.map((name) => `${name} cannot hold as many`)];
  const figure = { name: 'idle connections', group: METRICS.memory.title, value: connections, unit: '' };
  return { ...figure, note: notes.join('; ') };
}

/**
 * Two labs alike, so that nobody pays for another: in one the kernel forwards, with rules and with its tracking of
 * connections; in the other are the proxies and the relay, on a host without any rules, as they are run where the
 * kernel does not forward.
 */
async function stage(scope: Scope, openFiles: number): Promise<Contender[]> {
  const [kernel, plain] = [await buildLab(scope), await buildLab(scope)];
  for (const lab of [kernel, plain]) {
    await likeEverywhere(lab);
    await startBackends(scope, lab.one);
  }
  return [
    direct(plain),
    await harbor(scope, kernel, 'kernel'),
    await harbor(scope, plain, 'relay'),
    await proxy(scope, plain, 'haproxy-shipped', { offset: 0, openFiles }),
    await proxy(scope, plain, 'haproxy-tuned', { offset: 100, openFiles }),
    await proxy(scope, plain, 'nginx-shipped', { offset: 200, openFiles }),
    await proxy(scope, plain, 'nginx-tuned', { offset: 300, openFiles }),
  ];
}

/** The one congestion control that every kernel has and lets namespaces choose, whatever this machine is set to. */
async function likeEverywhere({ client, harbor, one }: Lab): Promise<void> {
  for (const host of [client, harbor, one])
    await host.run('sysctl', '-qw', 'net.ipv4.tcp_congestion_control=reno');
}

function record(samples: Samples, { name }: Contender, found: object): void {
  for (const [metric, value] of Object.entries(found) as [Parameters<Samples['add']>[0], number][])
    samples.add(metric, name, value);
}

/** Another one begins each time. */
function rotated<T>(all: readonly T[], by: number): T[] {
  const at = by % all.length;
  return [...all.slice(at), ...all.slice(0, at)];
}
