import { TestHarbor, type Scope } from '@harbor/testbed';
import { PLANS, SERVICE_ID } from '@harbor/wire';
import { percentile, spread, type Figure } from '../figures.js';
import { pids, usage } from '../processes.js';
import { Platform } from '../provisioning.js';

/** Connections that each send their next request when they have their answer. */
const CONNECTIONS = 32;
/** Provisions a second where they come whether or not earlier ones are answered, and for how long, s. */
const OPEN_LOOP = { rate: 50, seconds: 10 };
/** Provisions that are not counted. */
const WARMING = 300;
/** More than the closed loop uses at thrice its goal for five seconds; it ends early where they run out. */
const PORTS = 5_000;

/** What the gateway does in a second, and how long it takes where it is not busy. */
export async function benchGateway(scope: Scope, seconds: number): Promise<Figure[]> {
  const harbor = await TestHarbor.start(scope, { ports: PORTS, env: { HARBOR_NODE_COOLDOWN: '0' } });
  const platform = await Platform.of(harbor, CONNECTIONS);
  scope.teardown(() => platform.close());
  const { harbor_gateway: pid } = await pids(harbor);
  const ids: string[] = [];
  let made = 0;
  const provision = async (): Promise<void> => {
    ids.push(await platform.provision(`gateway-${made++}`));
  };

  // So that what is measured is not how processes warm up.
  await closedLoop({ pid, seconds: 1, most: WARMING }, provision);
  const most = PORTS - WARMING - OPEN_LOOP.rate * OPEN_LOOP.seconds;
  const provisions = await closedLoop({ pid, seconds, most }, provision);
  const samples = await openLoop(OPEN_LOOP, provision);
  const of = new URLSearchParams({ service_id: SERVICE_ID, plan_id: PLANS[0]?.id ?? '' }).toString();
  let at = 0;
  const reads = await closedLoop({ pid, seconds, most: Infinity }, async () => {
    await platform.ask('GET', `/v2/service_instances/${ids[at++ % ids.length] ?? ''}?${of}`);
  });
  return [
    ...spread(`provisioning at ${OPEN_LOOP.rate}/s`, samples, 50),
    ...loopFigures('provisions', provisions, 300),
    ...loopFigures('reads of an instance', reads, 2_000),
    { name: `gateway RSS, ${ids.length} services`, value: usage(pid).rss, unit: 'MB' },
  ];
}

interface Loop {
  /** Answers a second. */
  readonly rate: number;
  /** ms each */
  readonly samples: readonly number[];
  /** CPU of the gateway meanwhile, % of a core. */
  readonly cpu: number;
}

function loopFigures(name: string, { rate, samples, cpu }: Loop, atLeast: number): Figure[] {
  const over = `${CONNECTIONS} connections`;
  return [
    { name: `${name} over ${over}`, value: rate, unit: '/s', atLeast },
    { name: `${name} over ${over}, p99`, value: percentile(samples, 0.99), unit: 'ms' },
    { name: `${name}: gateway CPU meanwhile`, value: cpu, unit: '%' },
  ];
}

/** Each connection asks anew when it is answered, for so long or so often. */
async function closedLoop(
  { pid, seconds, most }: { pid: number; seconds: number; most: number },
  work: () => Promise<void>,
): Promise<Loop> {
  const samples: number[] = [];
  const before = usage(pid);
  const start = performance.now();
  let begun = 0;
  const loop = async (): Promise<void> => {
    while (performance.now() - start < seconds * 1_000 && begun++ < most) {
      const asked = performance.now();
      await work();
      samples.push(performance.now() - asked);
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, loop));
  const took = (performance.now() - start) / 1_000;
  return { rate: samples.length / took, samples, cpu: ((usage(pid).cpu - before.cpu) / took) * 100 };
}

/** Asks at a rate whatever comes of it; each takes from when it was due, so a queue is not hidden. */
async function openLoop(
  { rate, seconds }: { rate: number; seconds: number },
  work: () => Promise<void>,
): Promise<number[]> {
  const start = performance.now();
  const ask = async (at: number): Promise<number> => {
    const due = start + (at * 1_000) / rate;
    await new Promise((resolve) => setTimeout(resolve, due - performance.now()));
    await work();
    return performance.now() - due;
  };
  return Promise.all(Array.from({ length: rate * seconds }, (_, at) => ask(at)));
}
