import { ManualClock } from '@harbor/core';
import { eventually, startNats } from '@harbor/testbed';
import { connect } from 'nats';
import t from 'tap';
import type { BackendEvent } from '../src/index.js';
import { Lease } from '../src/lease.js';
import { ListeningNode } from './support.js';

t.test('lease - it is renewed as often as the node says', async (t) => {
  const server = await startNats();
  t.teardown(() => server.stop());
  const node = await ListeningNode.start(t, server.url, 7);
  const nats = await connect({ servers: server.url });
  t.teardown(() => nats.close());
  const clock = new ManualClock();
  const events: BackendEvent[] = [];
  const lease = new Lease({
    nats,
    message: { dea: 'd', app: 'a', instance: 'i', service: 's', host: '10.0.0.7', port: 4100 },
    interval: 20,
    schedule: (delay, task) => clock.schedule(delay, task),
    tell: (event) => events.push(event),
    onLost: () => undefined,
  });
  await lease.start();
  const because = () => events.flatMap((each) => (each.type === 'registered' ? [each.because] : []));
  await eventually('the answer to the greeting', () => lease.interval === 7);
  t.strictSame(because(), ['start', 'greeting']);
  clock.advance(6_999);
  t.strictSame(because(), ['start', 'greeting']);
  clock.advance(1);
  t.strictSame(because(), ['start', 'greeting', 'interval']);
  clock.advance(14_000);
  t.equal(because().length, 5, 'and again, and again');

  node.seconds = 30;
  await node.greet();
  await eventually('the new interval', () => lease.interval === 30);
  t.equal(because().at(-1), 'greeting', 'a node that starts hears everything anew');
  clock.advance(29_999);
  t.equal(because().length, 6, 'the old time is not kept beside the new one');

  node.seconds = 0;
  await node.greet();
  await eventually('the least interval', () => lease.interval === 1);
  await lease.stop(1_000);
  const said = because().length;
  clock.advance(60_000);
  t.equal(because().length, said, 'nothing is said after the end');
  t.equal(clock.pending, 0);
  t.equal(nats.isClosed(), false, 'the connection is left alone');
  await eventually('the farewell', () => node.of('unregister', 'i').length === 1);
});
