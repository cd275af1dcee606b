import { SERVICE_ID } from '@harbor/wire';
import t from 'tap';
import { credentialsFor, memoryGateway, provisionBody, TCP, UDP } from './support/fixture.js';

const ONE = '/v2/service_instances/one';
const BINDING = `${ONE}/service_bindings/b1`;
const QUERY = `?service_id=${SERVICE_ID}&plan_id=${TCP.id}`;
const bindBody = (app = 'demo') => ({
  service_id: SERVICE_ID,
  plan_id: TCP.id,
  app_guid: app,
  bind_resource: { app_guid: app },
});

t.test('broker - binding answers 201 with credentials, the same again 200, different 409', async (t) => {
  const { call } = memoryGateway();
  t.match(await call('PUT', BINDING, bindBody()), {
    status: 404,
    json: { error: 'HARBOR_SERVICE_NOT_FOUND' },
  });
  await call('PUT', ONE, provisionBody());
  const created = await call('PUT', BINDING, bindBody());
  t.equal(created.status, 201);
  t.strictSame(created.json, {
    credentials: {
      hostname: 'h',
      host: '10.0.0.1',
      port: 35001,
      name: 'one',
      node_id: 'n1',
      int_port: 4100,
    },
    endpoints: [{ host: '10.0.0.1', ports: ['35001'], protocol: 'tcp' }],
  });
  const again = await call('PUT', BINDING, bindBody());
  t.match(again, { status: 200, json: created.json });
  t.match(await call('GET', BINDING), { status: 200, json: created.json });
  t.match(await call('GET', `${BINDING}/last_operation`), { status: 200, json: { state: 'succeeded' } });
  const different = [bindBody('other'), { ...bindBody(), parameters: { a: 1 } }];
  for (const body of different) t.match(await call('PUT', BINDING, body), { status: 409 });
  t.match(await call('PUT', BINDING.replace('b1', 'b2'), { ...bindBody(), plan_id: UDP.id }), {
    status: 400,
  });
  for (const missing of ['service_id', 'plan_id'])
    t.match(await call('PUT', BINDING, { ...bindBody(), [missing]: undefined }), { status: 400 });
});

t.test('broker - a binding belongs to its instance', async (t) => {
  const { call } = memoryGateway();
  await call('PUT', ONE, provisionBody());
  await call('PUT', '/v2/service_instances/two', provisionBody());
  await call('PUT', BINDING, bindBody());
  const elsewhere = BINDING.replace('one', 'two');
  t.match(await call('PUT', elsewhere, bindBody()), { status: 409 });
  t.match(await call('GET', elsewhere), { status: 404 });
  t.match(await call('DELETE', elsewhere + QUERY), { status: 410 });
  t.match(await call('DELETE', BINDING), { status: 400 });
  t.match(await call('DELETE', BINDING + QUERY), { status: 200, text: '{}' });
  t.match(await call('DELETE', BINDING + QUERY), { status: 410 });
  t.match(await call('GET', BINDING), { status: 404 });
});

t.test('broker - deleting an instance takes its bindings along', async (t) => {
  const { call, state } = memoryGateway();
  await call('PUT', ONE, provisionBody());
  await call('PUT', BINDING, bindBody());
  await call('DELETE', ONE + QUERY);
  t.equal(state.replica.count('binding'), 0);
});

t.test('broker - the endpoints of a block list every port, and its addresses follow the node', async (t) => {
  const { call, bus } = memoryGateway();
  bus.answer('HarboraaS.provision.n1', () => ({
    success: true,
    credentials: { ...credentialsFor('one', 35010), ports: ['35010', '35011', '35012'] },
  }));
  t.equal((await call('PUT', ONE, provisionBody({ parameters: { ports: 3 } }))).status, 201);
  t.match((await call('PUT', BINDING, bindBody())).json, {
    credentials: { port: 35010, ports: ['35010', '35011', '35012'] },
    endpoints: [{ host: '10.0.0.1', ports: ['35010', '35011', '35012'], protocol: 'tcp' }],
  });
  t.match((await call('GET', '/api/v1/services/one')).json, { port: 35010, ports: [35010, 35011, 35012] });
});
