import { buildLab, eventually, freePort, TestHarbor, type Lab, type LabHost } from '@harbor/testbed';
import t from 'tap';
import { addressOf, stateOf, token } from '../contract/support/cluster.js';
import { noLab } from './support/stage.js';

const GROUP = 'web';
/** Before the core's in the order of ids: it writes the backends while it lives. */
const OTHER = 'a_node';
/** The instances of the service that is asked all the time. */
const INSTANCES: ReadonlySet<string> = new Set(['first', 'second']);
/** A member that is lost is given up, and a node is noticed to be away, within this, ms. */
const GIVEN_UP = 30_000;

/** Two machines of one group: the core, and a node on another host of the lab; instances on a third. */
t.test(
  'groups - a node is lost under traffic, its group goes on, and it comes back',
  { skip: noLab },
  async (t) => {
    const lab = await buildLab(t);
    const core = await TestHarbor.start(t, {
      netns: lab.harbor.netns,
      env: { ...memberOf(lab.harbor), KATO_JOIN_PORT: String(await freePort()) },
    });
    const node = await TestHarbor.start(t, {
      netns: lab.one.netns,
      stopped: true,
      env: {
        ...memberOf(lab.one),
        HARBOR_NODE_NODE_ID: OTHER,
        HARBOR_NODE_PORT_RANGE: core.env.HARBOR_NODE_PORT_RANGE,
      },
    });
    const before = await core.create('before');
    const where = addressOf(core).replace('127.0.0.1', lab.harbor.ipv4);
    await node.must('kato', 'node', 'attach', '-e', 'harbor', where, '--token', await token(core));
    await eventually('it to be up', async () => (await stateOf(core, OTHER)) === 'up');
    const both = [lab.harbor, lab.one];

    const made = await Promise.all(['a', 'b', 'c', 'd'].map((name) => core.create(name)));
    const ports = new Set([before, ...made].map(({ port }) => port));
    t.equal(ports.size, 5, 'no number is given twice');
    t.match(await groups(core), { harbor_node_1: GROUP, [OTHER]: GROUP });

    const [service = before] = made;
    const register = await registered(lab, core);
    await register(service.id, 'first');
    await register(before.id, 'before');
    for (const host of both) {
      await serves(lab.client, host, service.port, 'first');
      await serves(lab.client, host, before.port, 'before');
    }
    t.match((await core.explain(service.name)).members, [
      { node_id: OTHER, listeners: [{ listening: true }] },
      { node_id: 'harbor_node_1', listeners: [{ listening: true }] },
    ]);

    const traffic = alternating(lab.client, both, service.port);
    await traffic.goesOn();
    // One that another has just started again is killed, too.
    await eventually('all of it to be dead', () => {
      for (const pid of node.pids()) kill(pid);
      return node.pids().length === 0;
    });
    // A machine that is lost forwards nothing either.
    await lab.one.run('nft', 'flush', 'ruleset');
    await eventually(
      'it to be seen as away',
      async () => (await stateOf(core, OTHER)) === 'unreachable',
      GIVEN_UP,
    );
    t.notOk(
      (await core.services()).some((one) => one.unreachable_since !== undefined),
      'no service is unreachable while another member lives',
    );
    const meanwhile = await eventually(
      'a service to be made without it',
      () => core.create('meanwhile').catch(() => undefined),
      GIVEN_UP,
    );
    await core.must('harbor', 'delete-service', '-f', 'd');
    await register(service.id, 'second');
    await register(meanwhile.id, 'meanwhile');
    await core.backends(service.name, 2);
    await traffic.goesOn();

    await node.must('kato', 'start');
    for (const [port, name] of [[meanwhile.port, 'meanwhile'] as const, [before.port, 'before'] as const])
      await serves(lab.client, lab.one, port, name);
    const all = await eventually('both to have the same routes', async () => {
      const { members = [], backends } = await core.explain(service.name);
      return members.length === 2 && members.every(({ listeners }) => listeners[0]?.listening) && backends;
    });
    t.equal(all.length, 2, 'it has dropped no backend that the other kept');
    // The traffic takes its turns among them, too.
    const missing = new Set(INSTANCES);
    await eventually('it to lead to both', async () => {
      missing.delete(await lab.client.greeting(service.port, lab.one.ipv4));
      return missing.size === 0;
    });
    const later = await core.create('later');
    await register(later.id, 'later');
    for (const host of both) await serves(lab.client, host, later.port, 'later');
    await traffic.goesOn();
    t.equal(await traffic.end(), 0, 'a client that tries the other address was never refused');
  },
);

function memberOf(host: LabHost): NodeJS.ProcessEnv {
  return { HARBOR_NODE_HOST: host.ipv4, HARBOR_NODE_GROUP: GROUP };
}

async function groups(core: TestHarbor): Promise<Record<string, string | null>> {
  const all = JSON.parse(await core.must('kato', 'node', 'list', '--json')) as {
    id: string;
    group: string | null;
  }[];
  return Object.fromEntries(all.map(({ id, group }) => [id, group]));
}

/** Starts instances on the third host and announces them. */
async function registered(lab: Lab, core: TestHarbor) {
  const url = await core.natsUrl();
  return async (service: string, name: string): Promise<void> => {
    const { ipv4: host } = lab.two;
    const { port } = await lab.two.tcpBackend(name, { host });
    const message = { dea: 'd', app: 'a', instance: name, service, host, port };
    await lab.harbor.publish(url, 'harbor.register', message);
  };
}

async function serves(client: LabHost, host: LabHost, port: number, name: string): Promise<void> {
  await eventually(`${name} on ${host.ipv4}`, async () => (await client.greeting(port, host.ipv4)) === name);
}

/** A client as behind a name with two addresses: it starts with either, and tries the other where one fails. */
function alternating(client: LabHost, hosts: readonly LabHost[], port: number) {
  let served = 0;
  let failed = 0;
  const stop = new AbortController();
  const once = async (order: readonly LabHost[]): Promise<void> => {
    for (const host of order) {
      // What is no name of an instance is why it failed: the other one is tried.
      if (!INSTANCES.has(await client.greeting(port, host.ipv4))) continue;
      served += 1;
      return;
    }
    failed += 1;
  };
  const done = (async () => {
    for (let turn = 0; !stop.signal.aborted; turn++)
      await once(turn % 2 === 0 ? hosts : [...hosts].reverse());
  })();
  return {
    async goesOn() {
      const at = served;
      await eventually('the traffic to go on', () => served >= at + 50);
    },
    async end() {
      stop.abort();
      await done;
      return failed;
    },
  };
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It went with its parent.
  }
}
