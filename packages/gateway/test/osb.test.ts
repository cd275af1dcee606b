import { SERVICE_ID } from '@harbor/wire';
import t from 'tap';
import { FREE, harborContext, memoryGateway, provisionBody, TCP, UDP } from './support/fixture.js';

/** Open Service Broker 2.17, sentence by sentence; what an update does has a file of its own. */
const ONE = '/v2/service_instances/one';
const BINDING = `${ONE}/service_bindings/b`;
const IDS = `?service_id=${SERVICE_ID}&plan_id=${TCP.id}`;
const BIND = { service_id: SERVICE_ID, plan_id: TCP.id };

async function provisioned(more: object = {}) {
  const all = memoryGateway();
  await all.call('PUT', ONE, provisionBody(more));
  return all;
}

t.test('osb - unknown fields are ignored, accepts_incomplete too', async (t) => {
  const { call } = memoryGateway();
  const more = { unknown: { deep: [1] } };
  const query = '?accepts_incomplete=true';
  t.match(await call('PUT', ONE + query, provisionBody(more)), { status: 201 });
  t.match(await call('PATCH', ONE + query, { service_id: SERVICE_ID, ...more }), { status: 200 });
  t.match(await call('PUT', BINDING + query, { ...BIND, ...more }), { status: 201 });
  t.match(await call('DELETE', `${BINDING}${IDS}&accepts_incomplete=true`), { status: 200 });
  t.match(await call('DELETE', `${ONE}${IDS}&accepts_incomplete=true`), { status: 200 });
});

t.test('osb - a body on DELETE is tolerated', async (t) => {
  const { call } = await provisioned();
  await call('PUT', BINDING, BIND);
  t.match(await call('DELETE', BINDING + IDS, { any: 'thing' }), { status: 200, text: '{}' });
  t.match(await call('DELETE', ONE + IDS, { any: 'thing' }), { status: 200, text: '{}' });
});

t.test('osb - an error is a word and a description', async (t) => {
  const { call } = await provisioned();
  const word = { error: /^\w+$/, description: /\w/ };
  t.match((await call('PUT', ONE, {})).json, word);
  t.match((await call('GET', '/v2/service_instances/none')).json, word);
  t.match((await call('DELETE', `/v2/service_instances/none${IDS}`)).json, word);
});

t.test(
  'osb - a maintenance_info with a version is MaintenanceInfoConflict, an empty one absent',
  async (t) => {
    const { call, state } = memoryGateway();
    const conflict = { status: 422, json: { error: 'MaintenanceInfoConflict', description: String } };
    const given = { maintenance_info: { version: '1.0.0', description: 'x' } };
    t.match(await call('PUT', ONE, provisionBody(given)), conflict);
    t.equal(state.replica.count('instance'), 0);
    for (const maintenance_info of [{}, null, { version: null }])
      t.match(await call('PUT', ONE, provisionBody({ maintenance_info })), { status: /^20[01]$/ });
    t.match(await call('PATCH', ONE, { service_id: SERVICE_ID, ...given }), conflict);
    t.match(await call('PATCH', ONE, { service_id: SERVICE_ID, maintenance_info: {} }), { status: 200 });
  },
);

t.test('osb - the catalog has one service that can be bound, fetched and updated', async (t) => {
  const { json } = await memoryGateway().call('GET', '/v2/catalog');
  const can = {
    bindable: true,
    instances_retrievable: true,
    bindings_retrievable: true,
    allow_context_updates: true,
    plan_updateable: true,
  };
  t.match(json, {
    services: [{ name: 'harbor', tags: ['harbor'], metadata: { displayName: 'Harbor' }, ...can }],
  });
});

t.test('osb - every plan has metadata and schemas for create and update, made of what checks', async (t) => {
  const { call } = memoryGateway();
  const [service] = (await call('GET', '/v2/catalog')).json.services as [{ plans: PlanShape[] }];
  for (const { id, name, metadata, schemas } of service.plans) {
    const { create, update } = schemas.service_instance;
    t.equal(metadata.displayName, name);
    t.equal(create.parameters.additionalProperties, false);
    const known = Object.keys(create.parameters.properties);
    t.ok(known.includes('max_connections'));
    t.strictSame(Object.keys(update.parameters.properties), known);
    for (const parameter of known) {
      const parameters = { [parameter]: { no: 'such form' } };
      t.match(await call('PUT', ONE, provisionBody({ plan_id: id, parameters })), { status: 400 }, parameter);
    }
  }
});

interface ParametersShape {
  readonly parameters: {
    readonly additionalProperties: boolean;
    readonly properties: Readonly<Record<string, unknown>>;
  };
}

interface PlanShape {
  readonly id: string;
  readonly name: string;
  readonly metadata: { readonly displayName: string };
  readonly schemas: { readonly service_instance: Readonly<Record<'create' | 'update', ParametersShape>> };
}

t.test('osb - the ids of the service and its plans are what they always were', async (t) => {
  const { json } = await memoryGateway().call('GET', '/v2/catalog');
  const [service] = json.services as { id: string; plans: { id: string; name: string }[] }[];
  t.equal(service?.id, '3edeafa1-2fd8-414e-a125-62570fe168ed');
  t.strictSame(
    service?.plans.map(({ id, name }) => [name, id]),
    [
      ['tcp', 'd77bab3c-6fb9-49e6-921f-e8fed68bfcb5'],
      ['udp', 'b05f3881-b260-4b1b-b6ef-6fd3ac458b12'],
      ['both', '9b0f1a00-8233-41fc-b02e-e3a724c067fe'],
      ['free', 'b60aa296-4667-472d-b2a1-0a8317f81836'],
    ],
  );
});

t.test('osb - the plan free takes the protocol of the name in the context', async (t) => {
  const { call } = await provisioned({ plan_id: FREE.id, ...harborContext('both-dns') });
  t.match(await call('PUT', BINDING, { ...BIND, plan_id: FREE.id }), {
    json: { endpoints: [{ protocol: 'all' }] },
  });
});

t.test('osb - provisioning needs service, plan, organization and space', async (t) => {
  const { call, state } = memoryGateway();
  for (const field of ['service_id', 'plan_id', 'organization_guid', 'space_guid'])
    for (const value of [undefined, null, '', 7])
      t.match(await call('PUT', ONE, provisionBody({ [field]: value })), {
        status: 400,
        json: { description: new RegExp(field) },
      });
  t.equal(state.replica.count('instance'), 0);
});

t.test('osb - provisioning answers 201, the same again 200, anything different 409', async (t) => {
  const { call } = memoryGateway();
  t.match(await call('PUT', ONE, provisionBody()), { status: 201 });
  t.match(await call('PUT', ONE, provisionBody()), { status: 200 });
  for (const more of [{ plan_id: UDP.id }, { parameters: { public: true } }, { space_guid: 'x' }])
    t.match(await call('PUT', ONE, provisionBody(more)), { status: 409 });
});

t.test('osb - a repeated PUT is compared with the plan and parameters as they are now', async (t) => {
  const { call, bus, state } = await provisioned({ parameters: { max_connections: 1 } });
  bus.answer('HarboraaS.update.n1', (value) => {
    const { record } = (value as { instance: { record: never } }).instance;
    return { success: true, revision: state.write([{ kind: 'instance', id: 'one', value: record }]) };
  });
  const now = { plan_id: UDP.id, parameters: { max_connections: 2 } };
  t.match(await call('PATCH', ONE, { service_id: SERVICE_ID, ...now }), { status: 200 });
  t.match(await call('PUT', ONE, provisionBody(now)), { status: 200 });
  t.match(await call('PUT', ONE, provisionBody({ parameters: { max_connections: 1 } })), { status: 409 });
  t.match(await call('GET', ONE), { json: now });
  t.match(await call('DELETE', ONE + IDS), { status: 400 }, 'the plan it had is not its plan');
});

t.test('osb - deleting needs service_id and plan_id in the query, answers 200 {} and then 410', async (t) => {
  const { call } = await provisioned();
  await call('PUT', BINDING, BIND);
  for (const path of [BINDING, ONE]) {
    for (const query of ['', `?service_id=${SERVICE_ID}`, `?plan_id=${TCP.id}`, '?service_id=&plan_id='])
      t.match(await call('DELETE', path + query), { status: 400 }, path + query);
    t.match(await call('DELETE', path + IDS), { status: 200, text: '{}' });
    t.match(await call('DELETE', path + IDS), { status: 410 });
  }
});

t.test('osb - fetching answers 200 or 404, of an instance and of a binding', async (t) => {
  const { call } = await provisioned();
  t.match(await call('GET', BINDING), { status: 404 });
  await call('PUT', BINDING, { ...BIND, parameters: { a: 1 } });
  t.match(await call('GET', ONE), {
    status: 200,
    json: { service_id: SERVICE_ID, plan_id: TCP.id, parameters: {} },
  });
  t.match(await call('GET', BINDING), {
    status: 200,
    json: { credentials: { name: 'one' }, parameters: { a: 1 } },
  });
  t.match(await call('GET', '/v2/service_instances/none'), { status: 404 });
  t.match(await call('GET', '/v2/service_instances/none/service_bindings/b'), { status: 404 });
});

t.test('osb - last_operation answers 200 succeeded or 404, of an instance and of a binding', async (t) => {
  const { call } = await provisioned();
  t.match(await call('GET', `${BINDING}/last_operation`), { status: 404 });
  await call('PUT', BINDING, BIND);
  for (const path of [ONE, BINDING])
    t.strictSame((await call('GET', `${path}/last_operation?operation=x`)).json, { state: 'succeeded' });
  t.match(await call('GET', '/v2/service_instances/none/last_operation'), { status: 404 });
});

t.test('osb - binding answers 201, the same again 200, different 409, an unknown instance 404', async (t) => {
  const { call } = await provisioned();
  t.match(await call('PUT', BINDING, BIND), { status: 201 });
  t.match(await call('PUT', BINDING, BIND), { status: 200 });
  t.match(await call('PUT', BINDING, { ...BIND, parameters: { a: 1 } }), { status: 409 });
  t.match(await call('PUT', '/v2/service_instances/none/service_bindings/b', BIND), { status: 404 });
  for (const field of ['service_id', 'plan_id'])
    t.match(await call('PUT', `${ONE}/service_bindings/c`, { ...BIND, [field]: undefined }), { status: 400 });
});

t.test('osb - a binding has the credentials and its endpoint, without an application too', async (t) => {
  for (const [plan, protocol] of [
    [TCP.id, 'tcp'],
    [UDP.id, 'udp'],
  ]) {
    const { call } = await provisioned({ plan_id: plan });
    const { json } = await call('PUT', BINDING, { ...BIND, plan_id: plan });
    t.strictSame(json, {
      credentials: {
        hostname: 'h',
        host: '10.0.0.1',
        port: 35001,
        name: 'one',
        node_id: 'n1',
        int_port: 4100,
      },
      endpoints: [{ host: '10.0.0.1', ports: ['35001'], protocol }],
    });
  }
});
