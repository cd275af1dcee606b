import { eventually, greeting, type Scope, type TestHarbor } from '@harbor/testbed';
import { PLANS, SERVICE_ID } from '@harbor/wire';
import { randomUUID } from 'node:crypto';

/** How often a client connects, a provision is asked for, and the instances register, ms. */
const EVERY = { connect: 10, provision: 500, register: 1_000 };
/** How long is waited for what comes within seconds on a machine with nothing else to do, ms. */
export const PATIENCE = 60_000;

export interface LoadResult {
  readonly connections: number;
  /** What connections got that were not served. */
  readonly failed: readonly string[];
  /** The ports of acknowledged services, by their ids. */
  readonly acknowledged: ReadonlyMap<string, number>;
  /** How often each code was answered. */
  readonly errors: ReadonlyMap<string, number>;
}

export interface LightLoad {
  /** Resolves when something was provisioned that was asked for after this call. */
  provisions(): Promise<void>;
  /** Resolves when a provision was refused with the code after this call. */
  refused(code: string): Promise<void>;
  /** Ends it, and resolves when all that was under way has come to its end. */
  end(): Promise<LoadResult>;
}

/** Clients of a port, registers and provisions, while servers come and go. */
export async function lightLoad(
  t: Scope,
  { harbor, port, register }: { harbor: TestHarbor; port: number; register: () => void },
): Promise<LightLoad> {
  const broker = await brokerOf(harbor);
  const failed: string[] = [];
  const acknowledged = new Map<string, number>();
  const errors = new Map<string, number>();
  const underWay = new Set<Promise<void>>();
  let connections = 0;
  const track = (work: Promise<void>): void => {
    underWay.add(work);
    void work.finally(() => underWay.delete(work));
  };
  const provision = async (): Promise<void> => {
    const id = randomUUID();
    // A gateway that does not answer at all is no way of refusing, and has to be seen among the codes.
    const refused = await broker.provision(id).catch(String);
    if (refused === undefined) acknowledged.set(id, await broker.port(id));
    else errors.set(refused, (errors.get(refused) ?? 0) + 1);
  };
  const timers = [
    setInterval(() => {
      const connect = async (): Promise<void> => {
        const heard = await greeting(port);
        connections += 1;
        if (!/^i[01]$/.test(heard)) failed.push(heard);
      };
      track(connect());
    }, EVERY.connect),
    setInterval(() => track(provision()), EVERY.provision),
    setInterval(register, EVERY.register),
  ];
  const stop = (): void => timers.forEach((timer) => clearInterval(timer));
  t.teardown(stop);
  return {
    async provisions() {
      const before = new Set(underWay);
      await Promise.all(before);
      const count = acknowledged.size;
      await eventually('a provision', () => acknowledged.size > count, PATIENCE);
    },
    async refused(code) {
      const count = errors.get(code) ?? 0;
      await eventually(`a provision refused with ${code}`, () => (errors.get(code) ?? 0) > count, PATIENCE);
    },
    async end() {
      stop();
      await Promise.all(underWay);
      return { connections, failed, acknowledged, errors };
    },
  };
}

/** The broker API as a platform uses it. */
async function brokerOf(harbor: TestHarbor) {
  const info = JSON.parse(await harbor.must('kato', 'info', '--json', '--secrets')) as Record<string, string>;
  const { gateway_url: url = '', username = '', password = '' } = info;
  const headers = {
    authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`,
    'x-broker-api-version': '2.17',
    'content-type': 'application/json',
  };
  return {
    /** Undefined where it was made, else the code it was refused with. */
    async provision(id: string): Promise<string | undefined> {
      const body = {
        service_id: SERVICE_ID,
        plan_id: PLANS[0]?.id,
        organization_guid: 'org',
        space_guid: 'space',
      };
      const put = { method: 'PUT', headers, body: JSON.stringify(body) };
      const answer = await fetch(`${url}/v2/service_instances/${id}`, put);
      const { error } = (await answer.json()) as { error?: string };
      return answer.ok ? undefined : (error ?? String(answer.status));
    },
    async port(id: string): Promise<number> {
      const answer = await fetch(`${url}/api/v1/services/${id}`, { headers });
      return ((await answer.json()) as { port: number }).port;
    },
  };
}
