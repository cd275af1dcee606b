import { buildLab, eventually, freePort, TestHarbor, type LabHost } from '@harbor/testbed';
import t from 'tap';
import { noLab } from './support/stage.js';

/** How often the load starts a connection, ms. */
const EVERY = 20;

/** Two machines: the core, and a node on another host of the lab; instances on a third. */
t.test(
  'nodes - services of two machines, one moved under traffic, one dead and back',
  { skip: noLab },
  async (t) => {
    const lab = await buildLab(t);
    const core = await TestHarbor.start(t, {
      netns: lab.harbor.netns,
      env: { HARBOR_NODE_HOST: lab.harbor.ipv4, KATO_JOIN_PORT: String(await freePort()) },
    });
    const node = await TestHarbor.start(t, {
      netns: lab.one.netns,
      stopped: true,
      env: { HARBOR_NODE_HOST: lab.one.ipv4, HARBOR_NODE_NODE_ID: 'harbor_node_2' },
    });
    const { join } = JSON.parse(await core.must('kato', 'node', 'list', '--join', '--json')) as {
      join: { token: string };
    };
    const where = `${lab.harbor.ipv4}:${core.env.KATO_JOIN_PORT ?? ''}`;
    await node.must('kato', 'node', 'attach', '-e', 'harbor', where, '--token', join.token);

    const beyond = await listening(lab.harbor);
    for (const port of [core.env.HARBOR_REDIS_PORT, core.env.NATS_SERVER_PORT])
      t.notOk(beyond.has(Number(port)), 'the plain servers are on loopback only');
    t.ok(beyond.has(Number(core.env.KATO_JOIN_PORT)));

    const made = await eventually('a service on each machine', async () => {
      await core.create(`web${(await core.services()).length}`);
      const all = await core.services();
      const here = all.find(({ node_id }) => node_id === 'harbor_node_1');
      const there = all.find(({ node_id }) => node_id === 'harbor_node_2');
      return here && there && { here, there };
    });
    const url = await core.natsUrl();
    const backends = await Promise.all(
      [made.here, made.there].map(async ({ id }) => {
        const { port } = await lab.two.tcpBackend(id, { host: lab.two.ipv4 });
        return { dea: 'd', app: 'a', instance: id, service: id, host: lab.two.ipv4, port };
      }),
    );
    const register = async () => {
      for (const each of backends) await lab.harbor.publish(url, 'harbor.register', each);
    };
    await register();
    for (const [{ id, port }, host] of [[made.here, lab.harbor] as const, [made.there, lab.one] as const])
      await eventually('it to serve', async () => (await lab.client.greeting(port ?? 0, host.ipv4)) === id);

    const port = made.there.port ?? 0;
    const onNode = await lab.client.load({ host: lab.one.ipv4, tcp: port, everyMs: EVERY });
    await goesOn(lab.client, onNode);
    await core.must('kato', 'node', 'migrate', 'harbor_node_2', 'harbor_node_1');
    await register();
    await eventually(
      'it to be served on the core, by its number',
      async () => (await lab.client.greeting(port, lab.harbor.ipv4)) === made.there.id,
    );
    await lab.client.stopLoad(onNode);
    const onCore = await lab.client.load({ host: lab.harbor.ipv4, tcp: port, everyMs: EVERY });
    await goesOn(lab.client, onCore);
    t.strictSame((await lab.client.stopLoad(onCore)).tcp.failed, {}, 'where it is now nothing fails');

    await core.must('kato', 'node', 'migrate', 'harbor_node_1', 'harbor_node_2');
    // One that another has just started again is killed, too.
    await eventually('all of it to be dead', () => {
      for (const pid of node.pids()) kill(pid);
      return node.pids().length === 0;
    });
    await eventually('it to be seen as dead', () => unreachable(core, made.there.name));
    await node.must('kato', 'start');
    await eventually('it to be back', async () => !(await unreachable(core, made.there.name)));
    await register();
    await eventually(
      'it to serve again',
      async () => (await lab.client.greeting(port, lab.one.ipv4)) === made.there.id,
    );
  },
);

async function goesOn(client: LabHost, load: number): Promise<void> {
  const { tcp } = await client.loadReport(load);
  await eventually('the load to go on', async () => (await client.loadReport(load)).tcp.ok >= tcp.ok + 20);
}

async function unreachable(harbor: TestHarbor, name: string): Promise<boolean> {
  return (await harbor.services()).some((one) => one.name === name && one.unreachable_since !== undefined);
}

/** The TCP ports that a host serves to others. */
async function listening(host: LabHost): Promise<Set<number>> {
  const lines = (await host.run('ss', '-Hltn')).split('\n').map((line) => line.split(/\s+/)[3] ?? '');
  const open = lines.filter((at) => !/^(127\.|\[::1\])/.test(at));
  return new Set(open.map((at) => Number(at.slice(at.lastIndexOf(':') + 1))));
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It went with its parent.
  }
}
