import { greeting, tcpBackend, TestDea, TestHarbor, type Scope } from '@harbor/testbed';
import { spread, type Figure } from '../figures.js';
import { pids, usage } from '../processes.js';
import { Platform } from '../provisioning.js';

/** Clients that look at ports at the same time. */
const AT_ONCE = 100;

/** Every port of a range: what each costs, what all weigh, and how soon they are back. */
export async function benchPorts(scope: Scope, count: number): Promise<Figure[]> {
  const harbor = await TestHarbor.start(scope, { ports: count });
  const platform = await Platform.of(harbor);
  scope.teardown(() => platform.close());
  const samples: number[] = [];
  for (let each = 0; each < count; each++) {
    const start = performance.now();
    await platform.provision(`port-${each}`);
    samples.push(performance.now() - start);
  }
  const ports = await platform.ports();
  await allGreet([...ports.values()], 'ECONNRESET');
  const { harbor_proxy_connector, harbor_node, harbor_gateway } = await pids(harbor);
  const empty = usage(harbor_proxy_connector);
  const [node, gateway] = [usage(harbor_node), usage(harbor_gateway)];

  // One server stands for all instances: the same instance may serve several services.
  const dea = await TestDea.start(scope, harbor);
  const backend = await tcpBackend(scope, 'here');
  for (const service of ports.keys()) await dea.register(backend, { service });
  await allGreet([...ports.values()], 'here');
  const serving = usage(harbor_proxy_connector);

  const start = performance.now();
  await harbor.must('kato', 'restart', 'harbor');
  const ready = performance.now() - start;
  await allGreet([...ports.values()], 'here');
  const answers = performance.now() - start;
  return [
    ...spread(`provisioning one of ${count} after another`, samples, 25),
    { name: `connector RSS, ${count} ports listening`, value: empty.rss, unit: 'MB', atMost: 250 },
    { name: `connector RSS, ${count} ports serving`, value: serving.rss, unit: 'MB', atMost: 250 },
    { name: `node RSS, ${count} services`, value: node.rss, unit: 'MB' },
    { name: `gateway RSS, ${count} services`, value: gateway.rss, unit: 'MB' },
    { name: `kato restart harbor with ${count} ports, command returns`, value: ready / 1_000, unit: 's' },
    {
      name: `kato restart harbor until the last of ${count} ports answers`,
      value: answers / 1_000,
      unit: 's',
      atMost: 5,
    },
  ];
}

async function allGreet(ports: readonly number[], wanted: string): Promise<void> {
  const left = [...ports];
  const worker = async (): Promise<void> => {
    for (let port = left.pop(); port !== undefined; port = left.pop())
      while ((await greeting(port)) !== wanted) await new Promise(setImmediate);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}
