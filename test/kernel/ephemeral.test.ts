import { buildLab, TestHarbor } from '@harbor/testbed';
import t from 'tap';
import { noLab } from './support/stage.js';

t.test("ephemeral ports - Harbor's own connections never squat on its range", { skip: noLab }, async (t) => {
  const { harbor: host } = await buildLab(t);
  // Half of the numbers that the kernel gives to outgoing connections lie in the range.
  await host.run('sysctl', '-qw', 'net.ipv4.ip_local_port_range=35000 35099');
  const env = { HARBOR_NODE_HOST: host.ipv4, HARBOR_NODE_PORT_RANGE: '35000-35049' };
  await TestHarbor.start(t, { netns: host.netns, env });
  const reserved = await host.run('sysctl', '-n', 'net.ipv4.ip_local_reserved_ports');
  t.equal(reserved.trim(), '35000-35049');
  const local = (await host.run('ss', '-Htn', 'state', 'established'))
    .split('\n')
    .flatMap((line) => /:(\d+)\s+\S+:\d+\s*$/.exec(line)?.[1] ?? [])
    .map(Number);
  t.ok(local.filter((port) => port >= 35_050).length >= 6, 'they connect to Redis and NATS');
  t.strictSame(
    local.filter((port) => port < 35_050 && port >= 35_000),
    [],
  );
});
