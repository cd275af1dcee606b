import t from 'tap';
import { TCP, UDP } from './support/fixture.js';
import {
  CONFIGURATIONS,
  configuration,
  endpoints,
  handleBody,
  v1Error,
  v1Gateway,
  V1_HEADERS,
} from './support/v1.js';

t.test('v1 - media type application/json, else 400/30000, GET and DELETE too', async (t) => {
  const { send } = v1Gateway();
  for (const [method, url, body] of endpoints())
    for (const type of [undefined, 'text/plain', 'application/jsonx', 'application/x-www-form-urlencoded']) {
      const headers = { 'x-vcap-service-token': 'wrong', ...(type ? { 'content-type': type } : {}) };
      const answer = await send(
        method,
        url,
        method === 'GET' ? undefined : Buffer.from(JSON.stringify(body)).toString(),
        headers,
      );
      t.match(answer, { status: 400, json: v1Error(30000, 'HARBOR_MEDIA_TYPE_INVALID') }, `${method} ${url}`);
    }
  const withCharset = { ...V1_HEADERS, 'content-type': 'application/json; charset=utf-8' };
  t.match(await send('POST', CONFIGURATIONS, configuration(), withCharset), { status: 200 });
});

t.test('v1 - the header X-VCAP-Service-Token equals the token, else 401/30100', async (t) => {
  const { send, state } = v1Gateway();
  for (const [method, url, body] of endpoints())
    for (const token of [undefined, '', 'wrong', `${V1_HEADERS['x-vcap-service-token']} `.repeat(2)]) {
      const headers = {
        'content-type': 'application/json',
        ...(token === undefined ? {} : { 'x-vcap-service-token': token }),
      };
      const answer = await send(method, url, method === 'GET' ? undefined : body, headers);
      t.match(answer, { status: 401, json: v1Error(30100, 'HARBOR_UNAUTHORIZED') }, `${method} ${url}`);
    }
  t.equal(state.replica.count('instance'), 0);
  t.match(
    await send('POST', CONFIGURATIONS, '{', { 'content-type': 'application/json' }),
    { status: 401 },
    'before any look at the body',
  );
});

t.test('v1 - X-VCAP-Request-ID is logged', async (t) => {
  const { send, log } = v1Gateway();
  await send('POST', CONFIGURATIONS, configuration(), { ...V1_HEADERS, 'x-vcap-request-id': 'abc-1' });
  t.ok(log.lines.some((line) => (line as { request?: string }).request === 'abc-1'));
  t.notMatch(JSON.stringify(log.lines), V1_HEADERS['x-vcap-service-token'], 'and the token is not');
});

t.test('v1 - POST configurations makes an instance and answers its handle with 200', async (t) => {
  const { send, bus } = v1Gateway();
  const more = {
    organization_guid: 'org',
    space_guid: 'space',
    email: 'a@b',
    provider: 'core',
    label: 'harbor-1.0',
  };
  const { status, json } = await send(
    'POST',
    CONFIGURATIONS,
    configuration({ name: 'udp-dns', ...more, plan_option: {} }),
  );
  const { service_id } = json as { service_id: string };
  t.equal(status, 200);
  t.strictSame(json, {
    service_id,
    configuration: { plan: 'free', version: '1.0' },
    credentials: {
      hostname: 'h',
      host: '10.0.0.1',
      port: 35001,
      name: service_id,
      node_id: 'n1',
      int_port: 4100,
    },
  });
  t.match(bus.asked[0], {
    value: {
      ...{ plan: 'free', version: '1.0', instance_id: service_id, name: 'udp-dns' },
      owner: 'org/space/udp-dns',
    },
  });
});

t.test('v1 - the node is told the owner where the space is known, and none where it is not', async (t) => {
  const { send, bus, state } = v1Gateway();
  const ownerWith = async (more: object): Promise<unknown> => {
    await send('POST', CONFIGURATIONS, configuration(more));
    return (bus.asked.at(-1)!.value as { owner?: unknown }).owner;
  };
  t.equal(await ownerWith({ organization_guid: 'org', space_guid: 'space' }), 'org/space/web');
  t.equal(await ownerWith({ space_guid: 'space' }), '/space/web');
  t.equal(await ownerWith({ organization_guid: 'org' }), undefined, 'two spaces may have the name');
  t.equal(await ownerWith({ organization_guid: null, space_guid: null }), undefined);
  t.equal(await ownerWith({}), undefined);
  t.equal(state.replica.count('instance'), 5);
});

t.test('v1 - JSON null counts as absent', async (t) => {
  const { send } = v1Gateway();
  const nulls = {
    email: null,
    provider: null,
    label: null,
    plan: null,
    version: null,
    organization_guid: null,
  };
  t.match(
    await send('POST', CONFIGURATIONS, configuration({ ...nulls, space_guid: null, plan_option: null })),
    { status: 200 },
  );
  for (const name of ['unique_id', 'name'])
    t.match(await send('POST', CONFIGURATIONS, configuration({ [name]: null })), {
      status: 400,
      json: v1Error(30001, 'HARBOR_REQUEST_INVALID'),
    });
  const id = (await v1Gateway().create()).service_id;
  for (const name of ['service_id', 'label', 'email', 'binding_options'])
    t.match(await send('POST', `${CONFIGURATIONS}/${id}/handles`, handleBody(id, { [name]: null })), {
      json: { code: 30001 },
    });
});

t.test('v1 - a missing required field: 400/30001', async (t) => {
  const { send, create, state } = v1Gateway();
  const { service_id: id } = await create();
  const without = (body: object, name: string) =>
    Object.fromEntries(Object.entries(body).filter(([key]) => key !== name));
  for (const name of ['unique_id', 'name'])
    t.match(
      await send('POST', CONFIGURATIONS, without(configuration(), name)),
      { status: 400, json: { code: 30001 } },
      name,
    );
  for (const name of ['service_id', 'label', 'email', 'binding_options'])
    t.match(
      await send('POST', `${CONFIGURATIONS}/${id}/handles`, without(handleBody(id), name)),
      { status: 400, json: { code: 30001 } },
      name,
    );
  const unbind = { service_id: id, handle_id: 'h', binding_options: {} };
  for (const name of Object.keys(unbind))
    t.match(
      await send('DELETE', `${CONFIGURATIONS}/${id}/handles/h`, without(unbind, name)),
      { status: 400, json: { code: 30001 } },
      name,
    );
  t.match(await send('POST', CONFIGURATIONS, ''), { status: 400, json: { code: 30001 } }, 'no body at all');
  t.equal(state.replica.count('instance'), 1);
  t.equal(state.replica.count('binding'), 0);
});

t.test(
  'v1 - the plan check passes when plan is absent, or unique_id or plan is known; otherwise 30002',
  async (t) => {
    const { send, state } = v1Gateway();
    const planOf = async (more: object) => {
      const { json } = await send('POST', CONFIGURATIONS, configuration(more));
      return (json as { configuration?: { plan: string } }).configuration?.plan;
    };
    t.equal(await planOf({ plan: undefined }), 'free');
    t.equal(await planOf({ plan: 'udp' }), 'udp');
    t.equal(await planOf({ plan: 'unheard-of', unique_id: TCP.id }), 'tcp');
    t.equal(await planOf({ plan: undefined, unique_id: UDP.id }), 'udp');
    t.match(await send('POST', CONFIGURATIONS, configuration({ plan: 'unheard-of' })), {
      status: 400,
      json: v1Error(30002, 'HARBOR_PLAN_ID_UNKNOWN'),
    });
    t.equal(state.replica.count('instance'), 4);
  },
);

t.test('v1 - a version no node has: 400/30004, a plan no node has: 400/30003', async (t) => {
  const { send, bus, clock } = v1Gateway();
  const announced = { id: 'n1', available_capacity: 1, supported_versions: ['1.0'] };
  bus.deliver('HarboraaS.announce', { ...announced, plan: 'free' });
  bus.onPublish = () => {
    queueMicrotask(() => {
      clock.advance(1_000);
    });
  };
  t.match(await send('POST', CONFIGURATIONS, configuration({ version: '9' })), {
    status: 400,
    json: { code: 30004 },
  });
  bus.deliver('HarboraaS.announce', { ...announced, plan: 'udp' });
  t.match(await send('POST', CONFIGURATIONS, configuration()), { status: 400, json: { code: 30003 } });
  t.match(await send('POST', CONFIGURATIONS, configuration({ plan: 'udp' })), { status: 200 });
});

t.test('v1 - DELETE configurations answers {}, and 404/30300 for what is not there', async (t) => {
  const { send, create, state } = v1Gateway();
  const { service_id } = await create();
  t.strictSame(await send('DELETE', `${CONFIGURATIONS}/${service_id}`, {}), { status: 200, json: {} });
  t.equal(state.replica.count('instance'), 0);
  t.match(await send('DELETE', `${CONFIGURATIONS}/${service_id}`), { status: 404, json: { code: 30300 } });
});

t.test('v1 - a binding is a handle with an id of its own and its binding_options', async (t) => {
  const { send, create, call } = v1Gateway();
  const { service_id, credentials } = await create();
  const body = handleBody(service_id, { app_id: 'demo', binding_options: { a: [1] } });
  const { status, json } = await send('POST', `${CONFIGURATIONS}/whatever/handles`, body);
  const handle = json as { service_id: string };
  t.equal(status, 200);
  t.match(handle.service_id, /^[0-9a-f]{8}-[0-9a-f-]{27}$/);
  t.not(handle.service_id, service_id);
  t.strictSame(json, {
    service_id: handle.service_id,
    configuration: { plan: 'free', version: '1.0', data: { binding_options: { a: [1] } } },
    credentials,
  });
  t.match(await call('GET', '/api/v1/bindings?app=demo'), {
    json: { bindings: [{ id: handle.service_id }] },
  });
});

t.test('v1 - for an unbind the ids are taken from the body', async (t) => {
  const { send, create, state } = v1Gateway();
  const { service_id } = await create();
  const other = await create(configuration({ name: 'other' }));
  const bound = (await send('POST', `${CONFIGURATIONS}/${service_id}/handles`, handleBody(service_id)))
    .json as { service_id: string };
  const path = `${CONFIGURATIONS}/other/handles/other`;
  const body = { service_id, handle_id: bound.service_id, binding_options: {} };
  t.match(await send('DELETE', path, { ...body, service_id: other.service_id }), {
    status: 404,
    json: { code: 30300 },
  });
  t.equal(state.replica.count('binding'), 1);
  t.strictSame(await send('DELETE', path, body), { status: 200, json: {} });
  t.match(await send('DELETE', path, body), { status: 404, json: { code: 30300 } });
});

t.test('v1 - snapshots, serialized and jobs: 501/30501', async (t) => {
  const { send } = v1Gateway();
  for (const rest of [
    'snapshots',
    'snapshots/1',
    'serialized/url/snapshots/1',
    'serialized',
    'jobs/1',
    'jobs',
  ])
    for (const method of ['GET', 'POST', 'PUT', 'DELETE'] as const)
      t.match(await send(method, `${CONFIGURATIONS}/x/${rest}`, method === 'GET' ? undefined : {}), {
        status: 501,
        json: v1Error(30501, 'HARBOR_NOT_IMPLEMENTED'),
      });
});

t.test('v1 - what is not there is 404/30300, in the shape of v1', async (t) => {
  const { send } = v1Gateway();
  for (const url of [
    '/gateway/v1',
    '/gateway/v1/nothing',
    '/service/internal/v1/nothing',
    '/service/internal/v1/',
  ])
    t.match(await send('GET', url), { status: 404, json: v1Error(30300, 'HARBOR_NOT_FOUND') }, url);
});
