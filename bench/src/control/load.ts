import { TestDea, TestHarbor, eventually, type Scope } from '@harbor/testbed';
import { mean, percentile, type Figure } from '../figures.js';
import { pids, usage } from '../processes.js';
import { Platform } from '../provisioning.js';

const BACKENDS = 20_000;
const SERVICES = 200;
/** Registrations per second. */
const RATE = 5_000;
/** They are sent in steps of this length, ms, as many DEAs at different times would. */
const STEP = 10;

/**
 * 20,000 backends that renew 5,000 times a second. The node answers `harbor.greet` after everything that
 * came before it, so the time of that answer is the length of its queue.
 */
export async function benchLoad(scope: Scope, seconds: number): Promise<Figure[]> {
  const harbor = await TestHarbor.start(scope, { ports: SERVICES });
  const platform = await Platform.of(harbor);
  scope.teardown(() => platform.close());
  const services: string[] = [];
  for (let each = 0; each < SERVICES; each++) services.push(await platform.provision(`load-${each}`));
  const dea = await TestDea.start(scope, harbor);
  const messages = Array.from({ length: BACKENDS }, (_, at) => message(at, services[at % SERVICES] ?? ''));

  const start = performance.now();
  for (const each of messages) dea.nats.publish('harbor.register', each);
  await dea.nats.flush();
  await dea.nats.request('harbor.greet', '{}', { timeout: 60_000 });
  const heard = performance.now() - start;
  await eventually(
    'the connector to know the last one',
    async () => (await harbor.explain('load-0')).backends.length === BACKENDS / SERVICES,
    60_000,
  );
  const known = performance.now() - start;

  const { harbor_node } = await pids(harbor);
  const before = usage(harbor_node);
  const lags = await sustain(dea, messages, seconds);
  const after = usage(harbor_node);
  const third = Math.floor(lags.length / 3);
  return [
    { name: `${BACKENDS} backends registered at once, heard after`, value: heard, unit: 'ms' },
    { name: `${BACKENDS} backends registered at once, served after`, value: known, unit: 'ms' },
    { name: `queue at ${RATE} registers/s for ${seconds} s, p50`, value: percentile(lags, 0.5), unit: 'ms' },
    { name: `queue at ${RATE} registers/s, p99`, value: percentile(lags, 0.99), unit: 'ms' },
    {
      name: 'queue, mean of the last third over the first (1: no growth)',
      value: mean(lags.slice(-third)) / mean(lags.slice(0, third)),
      unit: '×',
      atMost: 1.5,
    },
    { name: 'node CPU meanwhile', value: ((after.cpu - before.cpu) / seconds) * 100, unit: '%' },
    { name: 'node RSS afterwards', value: after.rss, unit: 'MB' },
  ];
}

/** Renews at the rate for so long; resolves with the time of an answer behind each tenth of a second. */
function sustain(dea: TestDea, messages: readonly string[], seconds: number): Promise<number[]> {
  const lags: number[] = [];
  const asked: Promise<unknown>[] = [];
  const begin = performance.now();
  let sent = 0;
  let probes = 0;
  return new Promise((done, failed) => {
    const timer = setInterval(() => {
      const elapsed = Math.min(performance.now() - begin, seconds * 1_000);
      for (const due = Math.floor((elapsed / 1_000) * RATE); sent < due; sent++)
        dea.nats.publish('harbor.register', messages[sent % messages.length]);
      if (elapsed >= probes * 100) {
        probes += 1;
        const start = performance.now();
        const answer = dea.nats.request('harbor.greet', '{}', { timeout: 60_000 });
        asked.push(answer.then(() => lags.push(performance.now() - start)));
      }
      if (elapsed < seconds * 1_000) return;
      clearInterval(timer);
      Promise.all(asked).then(() => done(lags), failed);
    }, STEP);
  });
}

/** A backend of its own for each number: 127.x.y.z, which nobody connects to here. */
function message(at: number, service: string): string {
  const host = `127.${1 + (at >> 16)}.${(at >> 8) & 255}.${at & 255}`;
  return JSON.stringify({
    dea: `dea-${at % 50}`,
    app: `app-${at % 500}`,
    instance: `i-${at}`,
    index: at % 100,
    service,
    host,
    port: 9_000,
  });
}
