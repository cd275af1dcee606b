import t from 'tap';
import { BROKER_HEADERS, FREE, TCP } from './support/fixture.js';
import { CONFIGURATIONS, configuration, handleBody, v1Error, v1Gateway, V1_HEADERS } from './support/v1.js';

t.test(
  'v1 - an instance of v1 is seen by the Open Service Broker API, and the other way round',
  async (t) => {
    const { send, create, call } = v1Gateway();
    const { service_id } = await create(configuration({ organization_guid: 'org', space_guid: 'space' }));
    t.match(await call('GET', `/v2/service_instances/${service_id}`), {
      status: 200,
      json: { plan_id: FREE.id },
    });
    t.match(await call('GET', '/api/v1/services/web'), { json: { id: service_id, organization: 'org' } });
    const body = { service_id: (await call('GET', `/v2/service_instances/${service_id}`)).json.service_id };
    await call('PUT', '/v2/service_instances/of-v2', {
      ...body,
      plan_id: TCP.id,
      organization_guid: 'o',
      space_guid: 's',
    });
    const handles = `${CONFIGURATIONS}/of-v2/handles`;
    const bound = (await send('POST', handles, handleBody('of-v2', { app_id: 'a' }))).json as {
      service_id: string;
    };
    t.match(await call('GET', `/v2/service_instances/of-v2/service_bindings/${bound.service_id}`), {
      status: 200,
    });
    t.strictSame(await send('DELETE', `${CONFIGURATIONS}/of-v2`, {}), { status: 200, json: {} });
    t.match(await call('GET', '/v2/service_instances/of-v2'), { status: 404 });
  },
);

t.test(
  'v1 - node operation timeout 500/30502, gateway timeout 504/30700, nobody there 503/30600',
  async (t) => {
    const { send, bus, state } = v1Gateway();
    const failure = { status: 500, msg: { code: 30502, description: 'Node operation timeout', error: {} } };
    bus.answer('HarboraaS.provision.n1', () => ({ success: false, error: failure }));
    t.match(await send('POST', CONFIGURATIONS, configuration()), {
      status: 500,
      json: v1Error(30502, 'HARBOR_NODE_TIMEOUT'),
    });
    bus.silent.add('HarboraaS.provision.n1');
    t.match(await send('POST', CONFIGURATIONS, configuration()), {
      status: 504,
      json: v1Error(30700, 'HARBOR_NODE_TIMEOUT'),
    });
    bus.connected = false;
    t.match(await send('POST', CONFIGURATIONS, configuration()), {
      status: 503,
      json: v1Error(30600, 'HARBOR_NATS_UNAVAILABLE'),
    });
    t.equal(state.replica.count('instance'), 0);
  },
);

t.test('v1 - an internal error is 500/30500 and says nothing of the inside', async (t) => {
  const { send, state } = v1Gateway();
  state.beforeCommit = () => {
    throw new TypeError('the inside');
  };
  const answer = await send('POST', CONFIGURATIONS, configuration());
  t.match(answer, { status: 500, json: v1Error(30500, 'HARBOR_INTERNAL') });
  t.notMatch(JSON.stringify(answer), 'the inside');
});

t.test('v1 - the token of v1 opens nothing else, and the account opens no v1', async (t) => {
  const { send, gateway } = v1Gateway();
  t.equal((await gateway.server.inject({ url: '/v2/catalog', headers: V1_HEADERS })).statusCode, 401);
  const account = { authorization: BROKER_HEADERS.authorization, 'content-type': 'application/json' };
  t.match(await send('POST', CONFIGURATIONS, configuration(), account), {
    status: 401,
    json: { code: 30100 },
  });
});
