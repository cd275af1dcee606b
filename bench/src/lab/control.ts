import { note } from '@harbor/terminal';
import { buildLab, freePort, TestHarbor, type Scope } from '@harbor/testbed';
import { appendFileSync } from 'node:fs';
import { median, percentile, type Figure } from '../figures.js';
import { Platform } from '../provisioning.js';
import { within } from '../scope.js';
import { UNPRUNED } from './contenders.js';
import type { Task, Times } from './programs/ports.js';
import { configure, directory, output, program, raiseOpenFiles, serve } from './servers.js';

export interface ControlOptions {
  /** Ports in place at most. */
  readonly ports: number;
  /** How often each is measured at each size. */
  readonly repetitions: number;
}

/** What one more port or backend may take with all ports in place, ms. */
const AT_MOST = 20;
const BACKENDS = { first: 9_001, second: 9_002 } as const;
/** Where the instances are. */
const INSTANCES = '10.78.0.0/16';
/** The lowest port: those of a Harbor as it is, above all that its servers and those of the lab may have. */
const LOW = 35_000;
/** A reload takes long: so often it is measured. */
const RELOADS = 10;

/** How soon a new instance, backend or port is served with few and with many ports in place. */
export async function benchControl(_: Scope, options: ControlOptions): Promise<Figure[]> {
  await raiseOpenFiles();
  const sizes = [...new Set([10, 1_000, options.ports])].filter((size) => size <= options.ports);
  const figures: Figure[] = [];
  for (const plane of ['kernel', 'embedded'] as const) {
    note(`lab-control: ${plane} plane`);
    // Each plane alone: the other one's health checks and ports would be in the way.
    const all = await within((scope) => onPlane(scope, plane, sizes, options.repetitions));
    figures.push(...all.flatMap((times) => figuresOf(plane, times, times.size === options.ports)));
  }
  note(`lab-control: HAProxy with ${options.ports} listeners`);
  return [...figures, ...(await within((scope) => reloads(scope, options.ports)))];
}

async function onPlane(
  scope: Scope,
  plane: 'kernel' | 'embedded',
  sizes: readonly number[],
  repetitions: number,
): Promise<Times[]> {
  const { client, harbor: host, one } = await buildLab(scope);
  const backends = Object.entries(BACKENDS).map(([name, port]) => `${name}=${port}`);
  await serve(scope, one, program('backend', '0.0.0.0', ...backends), { tcp: BACKENDS.second });
  // Instances do not share an address: those of each service have one of their own, all on the one host.
  await one.run('ip', 'route', 'add', 'local', INSTANCES, 'dev', 'lo');
  await host.run('ip', 'route', 'add', INSTANCES, 'via', one.ipv4);
  // NATS and the gateway are where the client's host can reach them: one process there is all three.
  const port = await freePort();
  await serve(scope, host, ['nats-server', '--addr', host.ipv4, '--port', String(port)], { tcp: port });
  const nats = `nats://${host.ipv4}:${port}`;
  const [low, high] = [LOW, LOW + Math.max(...sizes)];
  const harbor = await TestHarbor.start(scope, {
    netns: host.netns,
    env: {
      ...UNPRUNED,
      // The same numbers are taken and given back again and again.
      HARBOR_NODE_COOLDOWN: '0',
      HARBOR_PROXY_CONNECTOR_DATA_PLANE: plane,
      HARBOR_NODE_HOST: host.ipv4,
      HARBOR_GATEWAY_HOST: host.ipv4,
      HARBOR_NODE_PORT_RANGE: `${low}-${high}`,
      NATS_SERVER_URL: nats,
    },
  });
  const { url, auth } = await Platform.of(harbor);
  const task: Task = {
    nats,
    gateway: { url, auth },
    host: host.ipv4,
    low,
    backends: BACKENDS,
    sizes,
    repetitions,
    kernel: plane === 'kernel',
  };
  return JSON.parse(await output(scope, client, program('ports', JSON.stringify(task)))) as Times[];
}

function figuresOf(plane: string, times: Times, most: boolean): Figure[] {
  const name = plane === 'kernel' ? 'kernel plane' : 'relay';
  const place = `${times.size} ports in place`;
  const goal = most ? AT_MOST : undefined;
  const refused = {
    name: `${name}, until there are ${times.size}`,
    value: times.refused,
    unit: '',
    atMost: 0,
  };
  return [
    { ...refused, group: 'requests for a port that failed' },
    ...series('register → first client is served', `${name}, ${place}`, times.register, goal),
    ...series('register → the kernel forwards', `${name}, ${place}`, times.kernel),
    ...series('register of one more backend → it is served', `${name}, ${place}`, times.backend, goal),
    ...series('request for one more port → a client is served', `${name}, ${place}`, times.port, goal),
  ];
}

/** Median and p99 of a series in ms, the goal is for both; none where nothing was measured. */
function series(group: string, name: string, samples: readonly number[], atMost?: number): Figure[] {
  if (samples.length === 0) return [];
  const goal = atMost === undefined ? {} : { atMost };
  const [low, high] = [Math.min(...samples), Math.max(...samples)];
  return [
    { group, name: `${name}, p50`, value: median(samples), unit: 'ms', low, high, ...goal },
    { group, name: `${name}, p99`, value: percentile(samples, 0.99), unit: 'ms', ...goal },
  ];
}

/** What the same takes where a proxy has to read its configuration again. */
async function reloads(scope: Scope, ports: number): Promise<Figure[]> {
  const { client, harbor: host, one } = await buildLab(scope);
  await serve(scope, one, program('backend', one.ipv4, `first=${BACKENDS.first}`), { tcp: BACKENDS.first });
  // Else its own connections to the backend take numbers of ports to come, and a reload fails.
  await host.run('sysctl', '-qw', `net.ipv4.ip_local_reserved_ports=${LOW}-${LOW + ports + RELOADS}`);
  const config = configure('haproxy-many.cfg', directory(scope), {});
  const backend = `${one.ipv4}:${BACKENDS.first}`;
  const listeners = Array.from({ length: ports }, (_, at) => LOW + at);
  const text = listeners.map((port) => `listen p${port}\n    bind :${port}\n    server one ${backend}\n\n`);
  appendFileSync(config, text.join(''));
  const master = await serve(scope, host, ['haproxy', '-W', '-db', '-f', config], { tcp: LOW });
  const reload = program('reload', config, master, host.ipv4, LOW + ports, backend, RELOADS);
  const times = JSON.parse(await output(scope, client, reload)) as number[];
  return series(
    'request for one more port → a client is served',
    `HAProxy, ${ports} listeners, a reload`,
    times,
  );
}
