import { greeting, tcpBackend, TestDea, TestHarbor, type Scope, type TestBackend } from '@harbor/testbed';
import { Redis } from 'ioredis';
import { mean, percentile, type Figure } from '../figures.js';
import { OURS, pids, usage } from '../processes.js';
import { Platform } from '../provisioning.js';

const SERVICES = 20;
const INSTANCES = 3;
/** Clients that connect one after the other, throughout. */
const CLIENTS = 4;

interface Sample {
  readonly rss: Record<string, number>;
  readonly handles: Record<string, number>;
  readonly keys: number;
  /** MB */
  readonly redisMemory: number;
}

/** Instances come and go each second, clients connect throughout: whatever grows is a leak. */
export async function benchChurn(
  scope: Scope,
  minutes: number,
  tell: (line: string) => void,
): Promise<Figure[]> {
  const harbor = await TestHarbor.start(scope, { ports: SERVICES });
  const platform = await Platform.of(harbor);
  scope.teardown(() => platform.close());
  const services: string[] = [];
  for (let each = 0; each < SERVICES; each++) services.push(await platform.provision(`churn-${each}`));
  const ports = [...(await platform.ports()).values()];
  const dea = await TestDea.start(scope, harbor);
  const backends: TestBackend[] = [];
  for (let each = 0; each < SERVICES * INSTANCES; each++) backends.push(await tcpBackend(scope, `b${each}`));
  const info = JSON.parse(await harbor.must('kato', 'info', '--json', '--secrets')) as { redis_url: string };
  const redis = new Redis(info.redis_url);
  scope.teardown(() => redis.disconnect());

  const state = { ended: false, greeted: 0, failed: 0, latencies: [] as number[] };
  const clients = Array.from({ length: CLIENTS }, (_, at) => client(ports, at, state));
  const pid = await pids(harbor);
  const samples: Sample[] = [];
  const rounds = Math.round(minutes * 60);
  const begin = performance.now();
  for (let round = 0; round < rounds; round++) {
    await oneRound(dea, services, backends, round);
    await redis.ping();
    samples.push(await sample(pid, redis));
    if (round % 60 === 59) tell(`churn: ${(round + 1) / 60} of ${minutes} min, ${state.greeted} connections`);
    // A round each second, however long the round itself took.
    const next = begin + (round + 1) * 1_000 - performance.now();
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, next)));
  }
  state.ended = true;
  await Promise.all(clients);
  return [
    { name: `connections during ${minutes} min of churn`, value: state.greeted, unit: '' },
    { name: 'connections that failed', value: state.failed, unit: '', atMost: 0 },
    { name: 'connect and greeting during churn, p99', value: percentile(state.latencies, 0.99), unit: 'ms' },
    ...OURS.flatMap((name) => [
      growth(
        `${name}: RSS`,
        'MB',
        samples.map(({ rss }) => rss[name] ?? NaN),
        8,
      ),
      growth(
        `${name}: handles`,
        '',
        samples.map(({ handles }) => handles[name] ?? NaN),
        5,
      ),
    ]),
    growth(
      'Redis keys',
      '',
      samples.map(({ keys }) => keys),
      5,
    ),
    growth(
      'Redis: memory',
      'MB',
      samples.map(({ redisMemory }) => redisMemory),
      8,
    ),
  ];
}

/** In each round one instance of every service leaves and comes back under another name. */
async function oneRound(
  dea: TestDea,
  services: readonly string[],
  backends: readonly TestBackend[],
  round: number,
) {
  for (const [at, service] of services.entries()) {
    for (let instance = 0; instance < INSTANCES; instance++) {
      const backend = backends[at * INSTANCES + instance];
      if (!backend) continue;
      const goes = round > 0 && instance === round % INSTANCES;
      const generation = (each: number): number => Math.floor((each + INSTANCES - 1 - instance) / INSTANCES);
      if (goes)
        await dea.unregister(backend, { service, instance: `${backend.name}-${generation(round - 1)}` });
      if (goes || round === 0)
        await dea.register(backend, {
          service,
          instance: `${backend.name}-${generation(round)}`,
          index: instance,
        });
    }
  }
}

async function client(
  ports: readonly number[],
  offset: number,
  state: { ended: boolean; greeted: number; failed: number; latencies: number[] },
): Promise<void> {
  for (let each = offset; !state.ended; each++) {
    const start = performance.now();
    const said = await greeting(ports[each % ports.length] ?? 0);
    if (/^b\d+$/.test(said)) state.greeted += 1;
    // Before the first registration there is nobody to greet.
    else if (state.greeted > ports.length) state.failed += 1;
    if (each % 10 === 0) state.latencies.push(performance.now() - start);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function sample(pid: Record<string, number>, redis: Redis): Promise<Sample> {
  const all = Object.entries(pid).map(([name, each]) => [name, usage(each)] as const);
  return {
    rss: Object.fromEntries(all.map(([name, { rss }]) => [name, rss])),
    handles: Object.fromEntries(all.map(([name, { handles }]) => [name, handles])),
    keys: await redis.dbsize(),
    redisMemory: Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1]) / 1e6,
  };
}

/** How much the mean of the last quarter exceeds that of the second: the first is for warming up. */
function growth(name: string, unit: string, values: readonly number[], atMost: number): Figure {
  const quarter = Math.floor(values.length / 4);
  const [early, late] = [mean(values.slice(quarter, 2 * quarter)), mean(values.slice(-quarter))];
  const note = `${early.toFixed(1)} → ${late.toFixed(1)}`;
  return {
    name: `${name}, growth from the second quarter to the last`,
    value: late - early,
    unit,
    atMost,
    note,
  };
}
