import { eventually, TestHarbor, type Scope } from '@harbor/testbed';
import type { Figure } from '../figures.js';
import { Platform } from '../provisioning.js';

/** How many ports each node has: the emptier ones have to get more. */
const SIZES = [300, 400, 500, 600];
const PROVISIONS = 1_000;

/** A thousand provisions at once, which four nodes with one Redis and one NATS share. */
export async function benchNodes(scope: Scope): Promise<Figure[]> {
  const nodes = await startNodes(scope);
  const [first] = nodes as [TestHarbor];
  const platform = await Platform.of(first, PROVISIONS);
  scope.teardown(() => platform.close());
  const start = performance.now();
  const outcomes = await Promise.allSettled(
    Array.from({ length: PROVISIONS }, (_, at) => platform.provision(`node-${at}`)),
  );
  const took = (performance.now() - start) / 1_000;
  const ids = outcomes.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
  const ports = await platform.ports();
  const numbers = new Set(ids.map((id) => ports.get(id)).filter((port) => port !== undefined));
  const statuses = await Promise.all(nodes.map((node) => node.status()));
  const free = statuses.map(({ ports }) => ports.free ?? 0);
  const used = statuses.map(({ ports }) => ports.used ?? 0);
  const mean = free.reduce((sum, each) => sum + each, 0) / free.length;
  const furthest = Math.max(...free.map((each) => Math.abs(each - mean)));
  const reasons = outcomes.flatMap((each) => (each.status === 'rejected' ? [String(each.reason)] : []));
  const at = `${PROVISIONS} at once over ${SIZES.length} nodes`;
  return [
    {
      name: `${at}, made`,
      value: ids.length,
      unit: '',
      atLeast: PROVISIONS,
      ...(reasons[0] === undefined ? {} : { note: reasons[0] }),
    },
    { name: `${at}, with a port of their own`, value: numbers.size, unit: '', atLeast: PROVISIONS },
    {
      name: `${at}, ports taken by nobody`,
      value: used.reduce((sum, each) => sum + each, 0) - ids.length,
      unit: '',
      atMost: 0,
    },
    {
      name: `${at}, free ports of the node furthest from the mean`,
      value: (furthest / mean) * 100,
      unit: '%',
      atMost: 5,
      note: `free: ${free.join(', ')}`,
    },
    { name: `${at}, until the last is answered`, value: took, unit: 's' },
  ];
}

/** The first has Redis, NATS and the gateway; the others a node and its connector. */
async function startNodes(scope: Scope): Promise<TestHarbor[]> {
  const first = await TestHarbor.start(scope, { ports: SIZES[0] ?? 0 });
  const info = JSON.parse(await first.must('kato', 'info', '--json', '--secrets')) as {
    nats_url: string;
    redis_url: string;
  };
  const shared = { NATS_SERVER_URL: info.nats_url, HARBOR_REDIS_URL: info.redis_url };
  const nodes = [first];
  for (const [at, ports] of SIZES.slice(1).entries()) {
    const env = { ...shared, HARBOR_NODE_NODE_ID: `harbor_node_${at + 2}` };
    const processes = ['harbor_node', 'harbor_proxy_connector'];
    nodes.push(await TestHarbor.start(scope, { ports, env, processes }));
  }
  const platform = await Platform.of(first);
  await eventually('the gateway to know every node', async () => {
    const { nodes: known } = (await platform.ask('GET', '/varz')) as { nodes: unknown[] };
    return known.length === SIZES.length;
  });
  platform.close();
  return nodes;
}
