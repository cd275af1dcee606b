import { ManualClock } from '@harbor/core';
import type { z } from '@harbor/wire';
import t from 'tap';
import { Registrar } from '../src/dea/registrar.js';

/** Records what is said, and lets a test say something. */
function recorder() {
  const said: { subject: string; value: Record<string, unknown> }[] = [];
  const handlers = new Map<string, (value: unknown) => void>();
  const bus = {
    publish: (subject: string, value: unknown) =>
      said.push({ subject, value: value as Record<string, unknown> }),
    subscribe: <T>(subject: string, schema: z.ZodType<T>, handle: (value: T, message: never) => void) => {
      handlers.set(subject, (value) => handle(schema.parse(value), undefined as never));
      return undefined as never;
    },
  };
  const clock = new ManualClock();
  const registrar = new Registrar({ bus, dea: 'd', app: 'demo', clock, interval: 20 });
  const take = (subject: string) => said.splice(0).filter((each) => each.subject === subject);
  return { registrar, clock, take, hear: (value: unknown) => handlers.get('harbor.start')?.(value) };
}

const START = { id: 'n', hosts: [], minimumRegisterIntervalInSeconds: 5, pruneThresholdInSeconds: 60 };
const AT = { host: '127.0.0.1', port: 20_000, transport: 'tcp' } as const;

t.test('a DEA - says what it runs at once, again each interval, and as often as it is told to', (t) => {
  const { registrar, clock, take, hear } = recorder();
  registrar.start();
  registrar.register({ instance: 'i', index: 1 }, 'service', AT);
  const message = { dea: 'd', app: 'demo', app_name: 'demo', instance: 'i', index: 1, service: 'service' };
  t.match(take('harbor.register'), [
    { value: { ...message, host: '127.0.0.1', port: 20_000, protocol: 'tcp' } },
  ]);
  clock.advance(19_999);
  t.equal(take('harbor.register').length, 0);
  clock.advance(1);
  t.equal(take('harbor.register').length, 1, 'after 20 s');
  hear(START);
  t.equal(take('harbor.register').length, 1, 'a node that starts is told at once');
  clock.advance(20_000);
  take('harbor.register');
  clock.advance(15_000);
  t.equal(take('harbor.register').length, 3, 'then each 5 s, as it asked');
  t.end();
});

t.test('a DEA - lists what runs in a heartbeat each 10 s', (t) => {
  const { registrar, clock, take } = recorder();
  registrar.start();
  registrar.running({ instance: 'a', index: 0 });
  registrar.running({ instance: 'b', index: 1 });
  registrar.exited('a', 'CRASHED');
  clock.advance(10_000);
  t.strictSame(
    take('dea.heartbeat').map(({ value }) => value.droplets),
    [[{ droplet: 'demo', version: '1', instance: 'b', index: 1, state: 'RUNNING' }]],
  );
  t.end();
});

t.test('a DEA - takes away what ends, and says so', (t) => {
  const { registrar, clock, take } = recorder();
  registrar.start();
  registrar.running({ instance: 'a', index: 3 });
  registrar.register({ instance: 'a', index: 3 }, 's1', AT);
  registrar.register({ instance: 'a', index: 3 }, 's2', { ...AT, port: 20_001 });
  registrar.exited('a', 'CRASHED');
  t.match(take('harbor.unregister'), [{ value: { service: 's1' } }, { value: { service: 's2' } }]);
  registrar.running({ instance: 'b', index: 0 });
  registrar.register({ instance: 'b', index: 0 }, 's1', AT);
  registrar.exited('b', 'STOPPED');
  t.match(take('droplet.exited'), [
    { value: { droplet: 'demo', instance: 'b', index: 0, reason: 'STOPPED' } },
  ]);
  clock.advance(60_000);
  t.equal(take('harbor.register').length, 0, 'what has gone is not announced again');
  t.end();
});

t.test('a DEA - at its end takes everything away and falls silent', (t) => {
  const { registrar, clock, take } = recorder();
  registrar.start();
  registrar.register({ instance: 'a', index: 0 }, 's', AT);
  registrar.shutdown();
  t.match(take('dea.shutdown'), [{ value: { id: 'd' } }]);
  clock.advance(120_000);
  t.equal(clock.pending, 0);
  t.end();
});
