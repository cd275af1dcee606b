import { eventually } from '@harbor/testbed';
import { SERVICE_ID } from '@harbor/wire';
import t from 'tap';
import { credentialsFor, memoryGateway, provisionBody, TCP, UDP } from './support/fixture.js';

const ONE = '/v2/service_instances/one';
const BINDING = `${ONE}/service_bindings/b`;
const BIND = { service_id: SERVICE_ID, plan_id: TCP.id };
const IDS = `?service_id=${SERVICE_ID}&plan_id=${TCP.id}`;

/** A gateway with the instance `one`, whose node takes every update. */
async function provisioned() {
  const all = memoryGateway();
  all.bus.answer('HarboraaS.update.n1', (value) => {
    const { record } = (value as { instance: { record: never } }).instance;
    const revision = all.state.write([{ kind: 'instance', id: 'one', value: record }]);
    return { success: true, credentials: credentialsFor('one'), revision };
  });
  await all.call('PUT', ONE, provisionBody());
  const stored = () => JSON.stringify(all.state.replica.get('instance', 'one'));
  return { ...all, stored };
}

t.test('osb - RequiresApp and AsyncRequired are never answered', async (t) => {
  const { call } = await provisioned();
  for (const [id, query] of [
    ['two', ''],
    ['three', '?accepts_incomplete=false'],
  ] as const) {
    const path = `/v2/service_instances/${id}`;
    t.match(await call('PUT', path + query, provisionBody()), { status: 201 }, 'without accepts_incomplete');
    t.match(await call('PATCH', path + query, { service_id: SERVICE_ID }), { status: 200 });
    const bound = await call('PUT', `${path}/service_bindings/of-${id}${query}`, BIND);
    t.match(bound, { status: 201 }, 'without an app');
  }
  t.match(await call('PUT', BINDING, { ...BIND, bind_resource: {} }), { status: 201 });
});

t.test(
  'osb - while another operation on the instance runs: 422 ConcurrencyError, state unchanged',
  async (t) => {
    const { call, bus, stored } = await provisioned();
    let finish: (answer: unknown) => void = () => undefined;
    bus.answer('HarboraaS.unprovision.n1', () => new Promise((done) => (finish = done)));
    const deleting = call('DELETE', ONE + IDS);
    await eventually('the node to be asked', () =>
      bus.asked.some(({ subject }) => subject === 'HarboraaS.unprovision.n1'),
    );
    const before = stored();
    const busy = { status: 422, json: { error: 'ConcurrencyError', description: /./ } };
    t.match(await call('PUT', ONE, provisionBody()), busy);
    t.match(await call('PATCH', ONE, { service_id: SERVICE_ID, plan_id: UDP.id }), busy);
    t.match(await call('DELETE', ONE + IDS), busy);
    t.match(await call('PUT', BINDING, BIND), busy);
    t.equal(stored(), before);
    finish({ success: true });
    t.match(await deleting, { status: 200 });
  },
);

t.test(
  'osb - parameters against the schema get 400, on PUT and PATCH, and leave the state unchanged',
  async (t) => {
    const { call, bus, stored, state } = await provisioned();
    const [before, asked] = [stored(), bus.asked.length];
    for (const parameters of [
      { unknown: 1 },
      { port: 0 },
      { port: '35000' },
      { ports: 1 },
      { protocol: 'sctp' },
      { proxy_protocol: 'v3' },
      { allow: '10.0.0.0/8' },
      { deny: ['10.0.0.0/33'] },
      { max_connections: -1 },
      { public: 'yes' },
      [],
      'text',
    ]) {
      const refused = { status: 400, json: { error: /^HARBOR_/, description: /parameters/ } };
      const name = JSON.stringify(parameters);
      t.match(await call('PUT', '/v2/service_instances/two', provisionBody({ parameters })), refused, name);
      t.match(await call('PATCH', ONE, { service_id: SERVICE_ID, parameters }), refused, name);
    }
    t.equal(stored(), before);
    t.equal(state.replica.count('instance'), 1);
    t.equal(bus.asked.length, asked, 'no node was asked');
  },
);

t.test(
  'osb - updating needs service_id, answers 200; a change of protocol keeps the port number',
  async (t) => {
    const { call, bus, stored } = await provisioned();
    const before = stored();
    const asked = bus.asked.length;
    for (const body of [{}, { plan_id: UDP.id }, { service_id: '' }, { service_id: 'unknown' }])
      t.match(await call('PATCH', ONE, body), { status: 400, json: { description: /service_id/ } });
    t.equal(stored(), before);
    t.equal(bus.asked.length, asked);
    t.match(await call('PATCH', ONE, { service_id: SERVICE_ID, plan_id: UDP.id }), {
      status: 200,
      text: '{}',
    });
    t.match(await call('GET', ONE), { json: { plan_id: UDP.id } });
    t.match(await call('GET', '/api/v1/services/one'), { json: { protocol: 'udp', port: 35001 } });
    t.match(await call('PATCH', '/v2/service_instances/none', { service_id: SERVICE_ID }), { status: 404 });
  },
);

t.test('osb - endpoints name host, ports and protocol: tcp, udp or all', async (t) => {
  for (const [protocol, endpoint] of [
    ['tcp', 'tcp'],
    ['udp', 'udp'],
    ['both', 'all'],
  ] as const) {
    const { call } = memoryGateway();
    const plan_id = { tcp: TCP.id, udp: UDP.id, both: undefined }[protocol];
    const { json } = await call('GET', '/v2/catalog');
    const { plans } = (json.services as { plans: { id: string; name: string }[] }[])[0]!;
    const both = plans.find(({ name }) => name === 'both')!.id;
    const plan = plan_id ?? both;
    await call('PUT', ONE, provisionBody({ plan_id: plan }));
    const bound = await call('PUT', BINDING, { ...BIND, plan_id: plan });
    t.strictSame(bound.json.endpoints, [{ host: '10.0.0.1', ports: ['35001'], protocol: endpoint }]);
  }
});

t.test('osb - every 4xx leaves the state unchanged', async (t) => {
  const { call, state, stored } = await provisioned();
  await call('PUT', BINDING, BIND);
  const counts = () =>
    (['instance', 'binding', 'name', 'service', 'port'] as const).map((kind) => state.replica.count(kind));
  const before = [stored(), ...counts()];
  const bad = { 'x-broker-api-originating-identity': 'cf !!!' };
  const none = '/v2/service_instances/none';
  const refused = [
    call('PUT', ONE, provisionBody({ plan_id: UDP.id })),
    call('PUT', none, provisionBody({ plan_id: 'unknown' })),
    call('PUT', none, provisionBody(), { authorization: '' }),
    call('PUT', none, provisionBody(), { 'x-broker-api-version': '3.0' }),
    call('PUT', none, provisionBody(), bad),
    call('PUT', none, provisionBody({ maintenance_info: { version: '9.9.9' } })),
    call('PATCH', ONE, { service_id: SERVICE_ID, plan_id: 'unknown' }),
    call('PATCH', none, { service_id: SERVICE_ID }),
    call('PUT', BINDING, { ...BIND, parameters: { other: true } }),
    call('PUT', `${none}/service_bindings/b`, BIND),
    call('DELETE', ONE),
    call('DELETE', `${ONE}?service_id=${SERVICE_ID}&plan_id=${UDP.id}`),
    call('DELETE', none + IDS),
    call('DELETE', BINDING),
    call('DELETE', `${ONE}/service_bindings/none${IDS}`),
  ];
  for (const [at, answer] of refused.entries()) {
    const { status, json } = await answer;
    t.ok(status >= 400 && status < 500, `${at}: ${status} ${JSON.stringify(json)}`);
  }
  t.strictSame([stored(), ...counts()], before);
});
