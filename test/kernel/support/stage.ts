import {
  buildLab,
  eventually,
  TestHarbor,
  whyNoLab,
  type Lab,
  type LabHost,
  type Scope,
} from '@harbor/testbed';

/** For the `skip` of a test: why no lab can be built here, or false. */
export const noLab: string | false = (await whyNoLab()) ?? false;

/** A lab and the Harbor in it. */
export interface Stage {
  readonly lab: Lab;
  readonly harbor: TestHarbor;
  /** Says something as a DEA, through Harbor's NATS. */
  readonly say: (subject: string, message: object) => Promise<unknown>;
}

/** A lab with a Harbor in it that asks for the kernel plane by name; more may be set in its environment. */
export async function stage(t: Scope, env: NodeJS.ProcessEnv = {}): Promise<Stage> {
  const lab = await buildLab(t);
  const harbor = await TestHarbor.start(t, {
    netns: lab.harbor.netns,
    env: { HARBOR_PROXY_CONNECTOR_DATA_PLANE: 'kernel', HARBOR_NODE_HOST: lab.harbor.ipv4, ...env },
  });
  const url = await harbor.natsUrl();
  return { lab, harbor, say: (subject, message) => lab.harbor.publish(url, subject, message) };
}

/** An instance of a test's own. */
export interface Instance {
  readonly host: LabHost;
  readonly name: string;
  readonly port: number;
  readonly handle: number;
  readonly message: Record<string, unknown>;
}

/** An instance on a host of the lab, registered and known to the connector. */
export async function instance(
  { harbor, say }: Stage,
  service: { readonly id: string; readonly name: string },
  host: LabHost,
  name: string,
  more: {
    readonly index?: number;
    readonly v6?: boolean;
    readonly udp?: boolean;
    readonly namesClient?: boolean;
    readonly protocol?: 'tcp' | 'udp';
  } = {},
): Promise<Instance> {
  const address = more.v6 ? host.ipv6 : host.ipv4;
  const at = { host: address, ...(more.namesClient ? { namesClient: true } : {}) };
  const { port, handle } = more.udp ? await host.udpBackend(name, at) : await host.tcpBackend(name, at);
  const message = {
    dea: 'd',
    app: 'a',
    instance: name,
    service: service.id,
    host: address,
    port,
    index: more.index,
    protocol: more.protocol ?? (more.udp ? 'udp' : undefined),
  };
  const before = (await harbor.explain(service.name)).backends.length;
  await say('harbor.register', message);
  await harbor.backends(service.name, before + 1);
  return { host, name, port, handle, message };
}

/** Resolves when the kernel leads a listener's connections to so many backends; none: it leaves them alone. */
export async function inKernel({ lab }: Stage, key: string, targets: number): Promise<void> {
  await eventually(
    `${key} to have ${targets} targets in the kernel`,
    async () => (await lab.harbor.kernelTargets(key)) === targets,
  );
}
