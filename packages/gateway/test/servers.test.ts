import { eventually } from '@harbor/testbed';
import { SERVICE_ID } from '@harbor/wire';
import { createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import t from 'tap';
import { harborContext, instanceRecord, provisionBody, TCP } from './support/fixture.js';
import { realServers } from './support/servers.js';

const QUERY = `?service_id=${SERVICE_ID}&plan_id=${TCP.id}`;
const path = (id: string) => `/v2/service_instances/${encodeURIComponent(id)}`;

t.test('gateway - with real servers a service is created, bound, read and deleted', async (t) => {
  const { node, openGateway, openStore } = await realServers(t);
  const { call } = await openGateway();
  const id = 'a/b"\n\u{1f600}';
  t.match(await call('PUT', path(id), provisionBody(harborContext('web'))), { status: 201 });
  const binding = `${path(id)}/service_bindings/${encodeURIComponent('b/1')}`;
  const body = { service_id: SERVICE_ID, plan_id: TCP.id, app_guid: 'demo' };
  t.match(await call('PUT', binding, body), {
    status: 201,
    json: { credentials: { name: id, port: 35001 } },
  });
  t.match(await call('GET', '/api/v1/bindings?app=demo'), { json: { bindings: [{ id: 'b/1' }] } });
  t.match(await call('GET', '/api/v1/explain/35001'), {
    json: { service: { id }, unavailable: { length: 2 } },
  });
  t.match(await call('DELETE', path(id) + QUERY), { status: 200 });
  t.equal(node.services.size, 0);
  const { records } = await openStore().snapshot(['instance', 'binding', 'name']);
  t.strictSame(records, []);
});

t.test('gateway - of two gateways that create the same name at once one succeeds', async (t) => {
  const { node, openGateway } = await realServers(t);
  const gateways = [await openGateway(), await openGateway()];
  for (let round = 0; round < 10; round++) {
    const body = provisionBody(harborContext(`web-${round}`));
    const answers = await Promise.all(
      gateways.map(({ call }, which) => call('PUT', path(`${round}-${which}`), body)),
    );
    t.strictSame(answers.map(({ status }) => status).sort(), [201, 409], `round ${round}`);
  }
  t.equal(node.services.size, 10);
});

t.test('gateway - of two gateways that create the same id at once one provisions it', async (t) => {
  const { node, openGateway } = await realServers(t);
  const gateways = [await openGateway(), await openGateway()];
  for (let round = 0; round < 10; round++) {
    const answers = await Promise.all(
      gateways.map(({ call }) => call('PUT', path(`same-${round}`), provisionBody())),
    );
    const statuses = answers.map(({ status }) => status).sort();
    t.ok(statuses.includes(201) && statuses.every((one) => [200, 201, 422].includes(one)), String(statuses));
    t.equal(statuses.filter((one) => one === 201).length, 1);
  }
  t.equal(node.services.size, 10);
});

t.test('gateway - a gateway that starts finishes what a killed one left', async (t) => {
  const { node, openGateway, openStore } = await realServers(t);
  const left = instanceRecord('dead', { createdAt: Date.now() - 60_000 });
  const deleting = instanceRecord('going', { state: 'deleting' });
  const young = instanceRecord('young', { createdAt: Date.now() });
  node.services.set('dead', 35_500).set('going', 35_501).set('young', 35_502);
  await openStore().commit({
    expect: [],
    write: [left, deleting, young].map((value) => ({ kind: 'instance', id: value.id, value })),
  });
  const { call } = await openGateway();
  await eventually('both to be settled', async () => {
    const { json } = await call('GET', '/api/v1/services');
    return (json.services as unknown[]).length === 1;
  });
  t.strictSame([...node.services.keys()], ['young']);
  t.match(await call('PUT', path('dead'), provisionBody()), { status: 201 });
});

t.test('gateway - while Redis is away writes say so, reads go on, and all heals', async (t) => {
  const { node, redis, openGateway } = await realServers(t);
  const { call } = await openGateway();
  t.match(await call('PUT', path('one'), provisionBody()), { status: 201 });
  await redis.kill();
  t.match(await call('PUT', path('two'), provisionBody()), {
    status: 503,
    json: { error: 'HARBOR_REDIS_UNAVAILABLE' },
  });
  t.match(await call('GET', path('one')), { status: 200 });
  await redis.start();
  await eventually(
    'writes to succeed again',
    async () => (await call('PUT', path('two'), provisionBody())).status === 201,
  );
  t.equal(node.services.size, 2);
});

t.test('gateway - while NATS is away writes say so, reads go on, and all heals', async (t) => {
  const { nats, openGateway } = await realServers(t);
  const { call } = await openGateway();
  t.match(await call('PUT', path('one'), provisionBody()), { status: 201 });
  await nats.kill();
  await eventually('the gateway to notice', async () => {
    const { status, json } = await call('PUT', path('two'), provisionBody());
    return status === 503 && json.error === 'HARBOR_NATS_UNAVAILABLE';
  });
  t.match(await call('DELETE', path('one') + QUERY), { status: 503 });
  t.match(await call('GET', '/api/v1/services'), { json: { services: [{ id: 'one', state: 'ready' }] } });
  await nats.start();
  await eventually(
    'writes to succeed again',
    async () => (await call('PUT', path('two'), provisionBody())).status === 201,
  );
});

t.test('gateway - a port that is taken is named with the key to change', async (t) => {
  const { openGateway } = await realServers(t);
  const holder = createServer().listen(0, '127.0.0.1');
  await once(holder, 'listening');
  t.teardown(() => holder.close());
  const { port } = holder.address() as AddressInfo;
  await t.rejects(openGateway(port), { code: 'HARBOR_ADDRESS_IN_USE', message: /HARBOR_GATEWAY_PORT/ });
});

t.test('gateway - stopping answers what is under way first', async (t) => {
  const { node, openGateway } = await realServers(t);
  const { call, stop } = await openGateway();
  let stopping: Promise<void> | undefined;
  node.before = () => {
    stopping = stop();
  };
  t.match(await call('PUT', path('one'), provisionBody()), { status: 201 });
  await stopping;
  await t.rejects(call('GET', '/healthz'));
});
