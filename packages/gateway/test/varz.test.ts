import t from 'tap';
import { memoryGateway, provisionBody } from './support/fixture.js';

t.test('varz - every look has what stands then, so none is older than the 30 s of the facts', async (t) => {
  const { call, announce, clock } = memoryGateway();
  const look = async () => (await call('GET', '/varz')).json;
  t.match(await look(), {
    uptime: '0d:0h:0m:0s',
    instances: 0,
    nodes: [{ id: 'n1', available: 100, heard_s: 0 }],
  });
  clock.advance(30_000);
  t.match(await look(), { uptime: '0d:0h:0m:30s', uptime_s: 30, nodes: [{ heard_s: 30 }] });
  announce('n1', 98);
  await call('PUT', '/v2/service_instances/one', provisionBody());
  t.match(await look(), { instances: 1, nodes: [{ heard_s: 0 }] });
  announce('n1', 42);
  t.match(await look(), { nodes: [{ available: 42 }] });
});
