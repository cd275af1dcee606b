import { eventually, TestHarbor, type Lab, type LabHost, type Scope } from '@harbor/testbed';
import { tree } from '../processes.js';
import { PORTS, type Target } from './backends.js';
import type { ContenderName } from './metrics.js';
import { configure, directory, serve } from './servers.js';

/** Somebody who brings clients to the backends, and where. */
export interface Contender {
  readonly name: ContenderName;
  /** Where clients run. */
  readonly client: LabHost;
  /** The address they ask. */
  readonly host: string;
  readonly ports: Readonly<Record<Target, number>>;
  /** All its processes as they are now; none where nobody is between. */
  readonly pids: () => readonly number[];
}

export function direct({ client, one }: Lab): Contender {
  return { name: 'direct', client, host: one.ipv4, ports: PORTS, pids: () => [] };
}

/**
 * The address of Harbor's host on the client's own cable. Whoever answers a datagram from a socket that is bound to
 * all addresses answers from this one, and iperf3 hears nobody but whom it asked.
 */
async function front(client: LabHost): Promise<string> {
  const [, address] = /via (\S+)/.exec(await client.run('ip', 'route', 'show', 'default')) ?? [];
  if (address === undefined) throw new Error(`${client.netns} has no default route`);
  return address;
}

/** HAProxy or nginx with a configuration of bench/configs/, on Harbor's host of a lab. */
export async function proxy(
  scope: Scope,
  { client, harbor, one }: Lab,
  name: ContenderName,
  { offset, openFiles }: { readonly offset: number; readonly openFiles: number },
): Promise<Contender> {
  const here = directory(scope);
  const nginx = name.startsWith('nginx');
  // Both variants of both proxies run side by side: each on numbers of its own.
  const ports = Object.fromEntries(
    Object.entries(PORTS).map(([target, port]) => [target, port + offset]),
  ) as Record<Target, number>;
  const limits = { maxconn: mostConnections(openFiles), files: openFiles };
  const values = { one: one.ipv4, dir: here, ...limits, ...PORTS, ...prefixed(ports) };
  const config = configure(`${name}.${nginx ? 'conf' : 'cfg'}`, here, values);
  const command = nginx ? ['nginx', '-c', config] : ['haproxy', '-W', '-db', '-f', config];
  const pid = await serve(scope, harbor, command, { tcp: ports.bulk });
  return { name, client, host: await front(client), ports, pids: () => tree(pid) };
}

/** Open files that no connection may have: listeners, logs, pipes. */
const SPARE_FILES = 1_000;

/** How many connections a proxy of one process can have, two open files each. */
export function mostConnections(openFiles: number): number {
  return Math.floor((openFiles - SPARE_FILES) / 2);
}

function prefixed(ports: Readonly<Record<Target, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(ports).map(([target, port]) => [`listen_${target}`, port]));
}

/** How the services are called: the names choose their protocols. */
const NAMES: Readonly<Record<Target, string>> = {
  bulk: 'both-bulk',
  http: 'http',
  greet: 'greet',
  hold: 'hold',
  ping: 'udp-ping',
};

/** Instances of the lab register once: nobody is to renew them, or to be pruned, while something is measured. */
export const UNPRUNED = { HARBOR_NODE_PRUNE_THRESHOLD: '86400' } as const;

/** A Harbor with one of the data planes. */
export async function harbor(
  scope: Scope,
  { client, harbor: host, one }: Lab,
  plane: 'kernel' | 'relay',
): Promise<Contender> {
  const dataPlane = plane === 'kernel' ? 'kernel' : 'embedded';
  const own = await TestHarbor.start(scope, {
    netns: host.netns,
    env: { ...UNPRUNED, HARBOR_PROXY_CONNECTOR_DATA_PLANE: dataPlane, HARBOR_NODE_HOST: host.ipv4 },
  });
  const nats = await own.natsUrl();
  const pids = await supervised(own);
  const ports: Record<Target, number> = { ...PORTS };
  for (const target of Object.keys(PORTS) as Target[]) {
    const name = NAMES[target];
    const service = await own.create(name);
    ports[target] = service.port;
    const message = { dea: 'd', app: 'a', instance: target, service: service.id };
    await host.publish(nats, 'harbor.register', { ...message, host: one.ipv4, port: PORTS[target] });
    await own.backends(name, target === 'bulk' ? 2 : 1);
    // A kernel plane that leaves all to the relay would be measured as what it is not.
    const key = `${target === 'ping' ? 'udp' : 'tcp'}/${service.port}`;
    if (plane === 'kernel')
      await eventually(`${key} to be in the kernel`, async () => (await host.kernelTargets(key)) > 0);
  }
  return { name: `harbor-${plane}`, client, host: await front(client), ports, pids: () => pids };
}

/** All that `kato` looks after, Redis and NATS included. */
async function supervised(harbor: TestHarbor): Promise<readonly number[]> {
  const processes = (await harbor.status()).roles.flatMap((role) => role.processes);
  return processes.flatMap(({ pid }) => (pid === null ? [] : [pid]));
}
