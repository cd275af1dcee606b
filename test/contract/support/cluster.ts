import { eventually, freePort, TestHarbor, type Scope } from '@harbor/testbed';

/** A node that is away is noticed within this, ms. */
export const NOTICED = 60_000;

/** A node, as `kato node list --json` shows it. */
export interface Shown {
  readonly id: string;
  readonly state: string;
  readonly unreachable_since: string | null;
  readonly ports_used: number;
}

/** A core whose ports are on an address of their own, so that a node of this machine can have the same numbers. */
export async function core(t: Scope, env: NodeJS.ProcessEnv = {}): Promise<TestHarbor> {
  return TestHarbor.start(t, {
    env: {
      KATO_JOIN_PORT: String(await freePort()),
      HARBOR_PROXY_CONNECTOR_BIND_HOST: '127.0.0.1',
      HARBOR_PROXY_CONNECTOR_DATA_PLANE: 'embedded',
      HARBOR_GATEWAY_PASSWORD: 'password-of-the-core',
      ...env,
    },
  });
}

/** A home on another loopback address that is not started: it is to be attached. */
export async function other(t: Scope): Promise<TestHarbor> {
  return TestHarbor.start(t, {
    stopped: true,
    env: {
      HARBOR_NODE_HOST: '127.0.0.2',
      HARBOR_PROXY_CONNECTOR_BIND_HOST: '127.0.0.2',
      HARBOR_PROXY_CONNECTOR_DATA_PLANE: 'embedded',
    },
  });
}

/** All that the core knows of. */
export async function nodes(harbor: TestHarbor): Promise<Shown[]> {
  return JSON.parse(await harbor.must('kato', 'node', 'list', '--json')) as Shown[];
}

/** One with which a node can be attached, once. */
export async function token(harbor: TestHarbor): Promise<string> {
  const text = await harbor.must('kato', 'node', 'list', '--join', '--json');
  return (JSON.parse(text) as { join: { token: string } }).join.token;
}

/** Undefined where the core knows no such node. */
export function stateOf(harbor: TestHarbor, id: string): Promise<string | undefined> {
  return nodes(harbor).then((all) => all.find((node) => node.id === id)?.state);
}

/** Where nodes reach a core. */
export function addressOf(harbor: TestHarbor): string {
  return `127.0.0.1:${harbor.env.KATO_JOIN_PORT ?? ''}`;
}

/** Attaches a home and resolves when the core has heard of it. */
export async function attached(harbor: TestHarbor, node: TestHarbor, id: string): Promise<void> {
  const secret = await token(harbor);
  await node.must(
    'kato',
    ...['node', 'attach', '-e', 'harbor', addressOf(harbor), '--token', secret, '--node-id', id],
  );
  await eventually(`${id} to be up`, async () => (await stateOf(harbor, id)) === 'up');
}
