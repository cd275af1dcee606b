import { eventually, greeting, tcpBackend, TestDea, TestHarbor, type Scope } from '@harbor/testbed';
import type { ServiceView } from '@harbor/wire';
import { join } from 'node:path';
import t from 'tap';
import { attached, core } from './support/cluster.js';

const SECOND = 'node_2';

/** A home on 127.0.0.2 with the core's numbers, that is to be attached. */
function beside(t: Scope, first: TestHarbor, env: NodeJS.ProcessEnv = {}): Promise<TestHarbor> {
  return TestHarbor.start(t, {
    stopped: true,
    // Its own range is not used.
    ports: 1,
    env: {
      HARBOR_NODE_HOST: '127.0.0.2',
      HARBOR_PROXY_CONNECTOR_BIND_HOST: '127.0.0.2',
      HARBOR_PROXY_CONNECTOR_DATA_PLANE: 'embedded',
      HARBOR_NODE_PORT_RANGE: first.env.HARBOR_NODE_PORT_RANGE,
      ...env,
    },
  });
}

/** Gives a node a group, or takes it out of its own; that counts from its next start on. */
async function regroup(node: TestHarbor, group: string | undefined): Promise<void> {
  const words =
    group === undefined ? ['del', 'harbor_node', 'group'] : ['set', 'harbor_node', 'group', group];
  await node.must('kato', 'config', ...words);
  await node.must('kato', 'restart', 'harbor');
}

/** Name, node and group of every service. */
async function whose(first: TestHarbor): Promise<Record<string, string>> {
  const all = (await first.services()) as (ServiceView & { readonly group?: string })[];
  return Object.fromEntries(
    all.map(({ name, node_id, group }) => [name, `${node_id ?? '-'} ${group ?? 'alone'}`]),
  );
}

/** The numbers of the range that no service has, on whichever node. */
async function unused(first: TestHarbor): Promise<number[]> {
  const taken = new Set((await first.services()).map(({ port }) => port));
  const { low, high } = first.range;
  return Array.from({ length: high - low + 1 }, (_, at) => low + at).filter((port) => !taken.has(port));
}

async function become(first: TestHarbor, wanted: Record<string, string>): Promise<void> {
  await eventually(`the services to be ${JSON.stringify(wanted)}`, async () => {
    const now = await whose(first);
    return Object.entries(wanted).every(([name, who]) => now[name] === who);
  });
}

/** Resolves when a port answers so on an address; an error's name is an answer, too. */
async function answers(port: number, host: string, wanted: string): Promise<void> {
  await eventually(`${wanted} at ${host}:${port}`, async () => (await greeting(port, host)) === wanted);
}

t.test('groups - nodes that have services join, and leave again', async (t) => {
  const first = await core(t);
  const own = await first.create('own');
  for (const name of ['another', 'third', 'fourth']) await first.create(name);
  const second = await beside(t, first);
  await attached(first, second, SECOND);
  // It has more ports free, so all are made there; a node alone has every number of its range.
  const [one, two] = await unused(first);
  const there = await first.create('there', { port: one });
  const going = await first.create('going', { port: two });
  const same = await first.create('same', { port: own.port });
  t.strictSame([there.node_id, same.node_id, going.node_id], [SECOND, SECOND, SECOND]);
  const dea = await TestDea.start(t, first);
  for (const { id, name } of [own, there, same])
    await dea.register(await tcpBackend(t, name), { service: id });
  await answers(own.port, '127.0.0.1', 'own');
  await answers(there.port, '127.0.0.2', 'there');
  await answers(same.port, '127.0.0.2', 'same');

  await t.test('what a node has comes along, with its numbers, and all members serve it', async (t) => {
    await regroup(first, 'web');
    await regroup(second, 'web');
    await become(first, { own: 'harbor_node_1 web', there: `${SECOND} web` });
    await answers(there.port, '127.0.0.1', 'there');
    await answers(there.port, '127.0.0.2', 'there');
    await answers(own.port, '127.0.0.1', 'own');
    const moved = (await first.services()).map(({ name, port }) => [name, port]);
    t.match(Object.fromEntries(moved), { own: own.port, there: there.port }, 'no port has changed');
  });

  await t.test('what has a number of the group stays its own, which is said', async (t) => {
    t.match(await whose(first), { same: `${SECOND} alone` });
    await second.logged(
      'harbor_node',
      ({ event, service }) => event === 'service_left_out' && service === same.id,
    );
  });

  await t.test('what is made from then on is the group’s, on a number that is free on both', async (t) => {
    const common = await first.create('common');
    t.not(common.port, own.port);
    await dea.register(await tcpBackend(t, 'common'), { service: common.id });
    for (const host of ['127.0.0.1', '127.0.0.2']) await answers(common.port, host, 'common');
    await first.must('harbor', 'delete-service', '-f', 'common');
  });

  await t.test('who leaves others behind leaves them the services', async (t) => {
    await regroup(second, undefined);
    await answers(there.port, '127.0.0.2', 'ECONNREFUSED');
    await answers(there.port, '127.0.0.1', 'there');
    t.match(await whose(first), {
      own: 'harbor_node_1 web',
      there: `${SECOND} web`,
      same: `${SECOND} alone`,
    });
    await answers(same.port, '127.0.0.2', 'same');
  });

  await t.test('they are updated and deleted there, although who made them is up', async (t) => {
    t.match(await whose(first), { going: `${SECOND} web` });
    // Without an instance, who listens takes the connection and ends it.
    await answers(going.port, '127.0.0.1', 'ECONNRESET');
    await first.must('harbor', 'update-service', 'going', '-c', '{"max_connections":5}');
    await first.must('harbor', 'delete-service', '-f', 'going');
    await answers(going.port, '127.0.0.1', 'ECONNREFUSED');
  });

  await t.test('when the last one has left, each has its own again at its next start', async () => {
    await regroup(first, undefined);
    await become(first, { own: 'harbor_node_1 alone' });
    await second.must('kato', 'restart', 'harbor');
    await become(first, { there: `${SECOND} alone` });
    await answers(own.port, '127.0.0.1', 'own');
    await answers(there.port, '127.0.0.2', 'there');
  });
});

t.test('groups - what another Harbor exported becomes the group’s, and all members serve it', async (t) => {
  const old = await TestHarbor.start(t, { ports: 6 });
  const web = await old.create('web');
  const rtp = await old.create('rtp', { ports: 2 });
  const file = join(old.home, 'harbor.json');
  await old.must('kato', 'data', 'export', file);
  await old.must('kato', 'stop');

  const range = `${old.range.low}-${old.range.high}`;
  const group = { HARBOR_NODE_GROUP: 'web', HARBOR_NODE_PORT_RANGE: range };
  const first = await core(t, group);
  const second = await beside(t, first, group);
  await attached(first, second, SECOND);
  await first.must('kato', 'data', 'import', file, '--force');
  await become(first, { web: 'harbor_node_1 web', rtp: 'harbor_node_1 web' });
  const dea = await TestDea.start(t, first);
  await dea.register(await tcpBackend(t, 'imported'), { service: web.id });
  for (const host of ['127.0.0.1', '127.0.0.2']) await answers(web.port, host, 'imported');
  const taken = new Set([web.port, rtp.port, rtp.port + 1]);
  for (const name of ['a', 'b', 'c']) {
    const { port } = await first.create(name);
    t.notOk(taken.has(port), `${name} gets a number that nobody has`);
    taken.add(port);
  }
  const full = await first.harbor('create-service', 'harbor', 'd');
  t.match(full.stderr, /HARBOR_PORT_RANGE_FULL/, 'six numbers, counted once for the group');
});
