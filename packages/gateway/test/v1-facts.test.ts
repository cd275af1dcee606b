import { freePort } from '@harbor/testbed';
import t from 'tap';
import { CONFIGURATIONS, configuration, endpoints, handleBody, INTERNAL, v1Gateway } from './support/v1.js';

t.test('v1 - the checks come in this order: media type, token, handles', async (t) => {
  // No cloud controller answers: no handle is known.
  const uri = `http://127.0.0.1:${await freePort()}`;
  const { send, gateway } = v1Gateway({ cloud: { uri, url: () => 'http://gateway:8190' } });
  t.teardown(() => gateway.stop());
  for (const [method, url, body] of endpoints()) {
    const payload = method === 'GET' ? undefined : JSON.stringify(body);
    const wrong = { 'x-vcap-service-token': 'wrong' };
    const answers = [
      await send(method, url, payload, { ...wrong, 'content-type': 'text/plain' }),
      await send(method, url, payload, { ...wrong, 'content-type': 'application/json' }),
      await send(method, url, payload),
    ];
    t.strictSame(
      answers.map(({ status, json }) => [status, (json as { code: number }).code]),
      [
        [400, 30000],
        [401, 30100],
        [503, 30600],
      ],
      `${method} ${url}`,
    );
  }
});

t.test('v1 - success is always 200 and has a body, at least {}', async (t) => {
  const { send, bus, create } = v1Gateway();
  for (const action of ['disable', 'enable', 'import'])
    bus.answer(`HarboraaS.${action}_instance.n1`, () => ({ success: true }));
  const { service_id } = await create();
  const one = `${CONFIGURATIONS}/${service_id}`;
  const bound = await send('POST', `${one}/handles`, handleBody(service_id));
  const { service_id: handle_id } = bound.json as { service_id: string };
  const migration = `${INTERNAL}/migration/n1`;
  t.match(bound, { status: 200, json: { service_id: String } });
  t.strictSame(await send('DELETE', `${one}/handles/x`, { service_id, handle_id, binding_options: {} }), {
    status: 200,
    json: {},
  });
  for (const action of ['disable', 'enable', 'import', 'check'])
    t.strictSame(
      await send('POST', `${migration}/${service_id}/${action}`, {}),
      { status: 200, json: true },
      action,
    );
  t.strictSame(await send('GET', `${migration}/instances`), { status: 200, json: [service_id] });
  t.strictSame(await send('DELETE', one, {}), { status: 200, json: {} });
});

t.test('v1 - check_orphan and purge_orphan answer {}', async (t) => {
  const { send } = v1Gateway();
  t.strictSame(await send('POST', `${INTERNAL}/check_orphan`, {}), { status: 200, json: {} });
  const none = { orphan_instances: {}, orphan_bindings: {} };
  t.strictSame(await send('DELETE', `${INTERNAL}/purge_orphan`, none), { status: 200, json: {} });
});

t.test(
  'v1 - an error body has code, description, error with backtrace and types, and nothing else',
  async (t) => {
    const { send } = v1Gateway();
    const refused = [
      await send('POST', CONFIGURATIONS, configuration(), {}),
      await send('POST', CONFIGURATIONS, configuration(), { 'content-type': 'application/json' }),
      await send('POST', CONFIGURATIONS, '{'),
      await send('POST', CONFIGURATIONS, configuration({ plan: 'gold' })),
      await send('DELETE', `${CONFIGURATIONS}/nobody`, {}),
      await send('POST', `${CONFIGURATIONS}/nobody/snapshots`, {}),
    ];
    t.strictSame(
      refused.map(({ status, json }) => [status, (json as { code: number }).code]),
      [
        [400, 30000],
        [401, 30100],
        [400, 30001],
        [400, 30002],
        [404, 30300],
        [501, 30501],
      ],
    );
    for (const { json } of refused) {
      const body = json as { error: { types: unknown[] } };
      t.strictSame(Object.keys(body).sort(), ['code', 'description', 'error']);
      t.strictSame(Object.keys(body.error).sort(), ['backtrace', 'types']);
      t.match(body, { code: Number, description: /./, error: { backtrace: null, types: [/^HARBOR_/] } });
    }
  },
);

t.test('v1 - the codes of our own are 31000 and up', async (t) => {
  const { send, bus } = v1Gateway();
  for (const [error, status] of [
    ['HARBOR_PORT_RANGE_FULL', 507],
    ['HARBOR_PORT_TAKEN', 409],
  ] as const) {
    const msg = { code: 31_000, description: 'of our own', error };
    bus.answer('HarboraaS.provision.n1', () => ({ success: false, error: { status, msg } }));
    const { json } = await send('POST', CONFIGURATIONS, configuration());
    const { code } = json as { code: number };
    t.ok(code >= 31_000, `${error} is ${code}`);
    t.match(json, { error: { types: [error] } });
  }
});

t.test(
  'migration - unprovision takes it from the node named, with its bindings, and answers true',
  async (t) => {
    const { send, bus, create } = v1Gateway();
    const { service_id, credentials } = await create();
    await send('POST', `${CONFIGURATIONS}/x/handles`, handleBody(service_id));
    bus.answer('HarboraaS.unprovision.n2', () => ({ success: true }));
    t.strictSame(await send('POST', `${INTERNAL}/migration/n2/${service_id}/unprovision`, {}), {
      status: 200,
      json: true,
    });
    t.strictSame(bus.asked.at(-1), {
      subject: 'HarboraaS.unprovision.n2',
      value: { name: service_id, bindings: [credentials] },
    });
    t.match(await send('POST', `${INTERNAL}/migration/n2/${service_id}/explode`, {}), {
      status: 404,
      json: { code: 30300 },
    });
  },
);

t.test('v1 - a node of another make, which names the service itself, is driven all the same', async (t) => {
  const { send, bus } = v1Gateway();
  const credentials = {
    hostname: 'h',
    host: '10.0.0.1',
    port: 35001,
    name: 'its-own',
    node_id: 'n1',
    int_port: 1,
  };
  bus.answer('HarboraaS.provision.n1', () => ({ success: true, credentials, extra: 'unknown' }));
  t.match(await send('POST', CONFIGURATIONS, configuration()), {
    status: 200,
    json: { service_id: 'its-own', credentials: { name: 'its-own' } },
  });
  t.strictSame(await send('DELETE', `${CONFIGURATIONS}/its-own`, {}), { status: 200, json: {} });
  t.match(bus.asked.at(-1), { subject: 'HarboraaS.unprovision.n1', value: { name: 'its-own' } });
});

t.test('v1 - the gateway waits 5 s for a node', async (t) => {
  const { send, bus } = v1Gateway();
  const waited: unknown[] = [];
  const request = bus.request.bind(bus);
  bus.request = (subject, value, reply, options) => {
    waited.push((options as { timeoutMs?: number }).timeoutMs);
    return request(subject, value, reply, options);
  };
  await send('POST', CONFIGURATIONS, configuration());
  t.strictSame(waited, [5_000]);
});
