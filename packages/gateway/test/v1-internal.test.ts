import { componentDiscovery } from '@harbor/wire';
import t from 'tap';
import { credentialsFor } from './support/fixture.js';
import { CONFIGURATIONS, configuration, handleBody, INTERNAL, v1Gateway } from './support/v1.js';

const CHECK = `${INTERNAL}/check_orphan`;
const PURGE = `${INTERNAL}/purge_orphan`;

function withVarz(all: ReturnType<typeof v1Gateway>) {
  const varz = async () => (await all.call('GET', '/varz')).json;
  const report = (names: readonly string[], bindings: readonly object[] = [], node_id = 'n1') =>
    all.bus.deliver('HarboraaS.node_handles', { instances_list: names, bindings_list: bindings, node_id });
  return { ...all, varz, report };
}

/** Lets what was started without waiting come to its end. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

t.test(
  'orphans - what nodes report and nobody knows is staging; after 300 s, still unknown, it is final and in varz',
  async (t) => {
    const { send, create, bus, clock, report, varz } = withVarz(v1Gateway());
    const { service_id } = await create();
    t.strictSame(await send('POST', CHECK, {}), { status: 200, json: {} });
    t.match(bus.published.at(-1), { subject: 'HarboraaS.check_orphan' });
    report([service_id, 'lost', 'late']);
    report(
      ['elsewhere'],
      [
        { name: 'lost', username: 'u' },
        { name: service_id, username: 'unheard-of' },
      ],
      'n2',
    );
    clock.advance(299_999);
    await settled();
    const early = await varz();
    t.strictSame([early.orphan_instances, early.orphan_bindings], [{}, {}]);
    clock.advance(1);
    await settled();
    const { orphan_instances, orphan_bindings } = await varz();
    t.strictSame(orphan_instances, { n1: ['lost', 'late'], n2: ['elsewhere'] });
    t.strictSame(orphan_bindings, {
      n2: [
        { name: 'lost', username: 'u' },
        { name: service_id, username: 'unheard-of' },
      ],
    });
  },
);

t.test('orphans - what has become known at the second look is none', async (t) => {
  const { send, call, clock, report, varz } = withVarz(v1Gateway());
  await send('POST', CHECK, {});
  report(['late']);
  const body = {
    service_id: '3edeafa1-2fd8-414e-a125-62570fe168ed',
    plan_id: 'b60aa296-4667-472d-b2a1-0a8317f81836',
  };
  await call('PUT', '/v2/service_instances/late', { ...body, organization_guid: 'o', space_guid: 's' });
  clock.advance(300_000);
  await settled();
  t.strictSame((await varz()).orphan_instances, {});
});

t.test(
  'orphans - nothing is purged by itself: the operator calls purge_orphan, and what is known stays',
  async (t) => {
    const { send, create, bus, clock, report, varz } = withVarz(v1Gateway());
    const { service_id, credentials } = await create();
    await send('POST', CHECK, {});
    report(['lost', 'other']);
    clock.advance(300_000);
    await settled();
    t.notOk(bus.published.some(({ subject }) => subject.includes('purge')));
    const stray = { ...credentialsFor('gone'), username: 'u' };
    const body = {
      orphan_instances: { n1: ['lost', service_id] },
      orphan_bindings: { n1: [credentials], n2: [stray] },
    };
    t.strictSame(await send('DELETE', PURGE, body), { status: 200, json: {} });
    t.strictSame(
      bus.published.filter(({ subject }) => subject.includes('purge')),
      [
        {
          subject: 'HarboraaS.purge_orphan.n1',
          value: { orphan_ins_list: ['lost'], orphan_binding_list: [] },
        },
        {
          subject: 'HarboraaS.purge_orphan.n2',
          value: { orphan_ins_list: [], orphan_binding_list: [stray] },
        },
      ],
    );
    t.strictSame((await varz()).orphan_instances, { n1: ['other'] });
  },
);

t.test(
  'orphans - a list that names no possible node is refused, and one without lists does nothing',
  async (t) => {
    const { send, bus } = v1Gateway();
    for (const node of ['>', '*', 'a b', 'a.*', '', 'x'.repeat(65), '__proto__'])
      t.match(
        await send('DELETE', PURGE, `{"orphan_instances":{${JSON.stringify(node)}:["x"]}}`),
        { status: 400, json: { code: 30001 } },
        node,
      );
    t.match(await send('DELETE', PURGE, { orphan_instances: null }), { status: 200 });
    t.notOk(bus.published.some(({ subject }) => subject.includes('purge')));
  },
);

t.test('orphans - reports that nobody asked for, or malformed ones, change nothing', async (t) => {
  const { send, bus, clock, report, varz } = withVarz(v1Gateway());
  report(['unasked']);
  await send('POST', CHECK, {});
  for (const value of [null, 1, [], {}, { instances_list: 'x', bindings_list: [], node_id: 'n1' }])
    bus.deliver('HarboraaS.node_handles', value);
  report(['x'], [], 'a.>');
  clock.advance(300_000);
  await settled();
  t.strictSame((await varz()).orphan_instances, {});
});

t.test(
  'migration - disable, enable and import send [prov_handle, [binding_handles]] and answer true',
  async (t) => {
    const { send, create, bus } = v1Gateway();
    const { service_id, credentials } = await create();
    const bound = (await send('POST', `${CONFIGURATIONS}/x/handles`, handleBody(service_id))).json;
    for (const action of ['disable', 'enable', 'import']) {
      bus.answer(`HarboraaS.${action}_instance.n2`, () => ({ success: true }));
      t.strictSame(await send('POST', `${INTERNAL}/migration/n2/${service_id}/${action}`, {}), {
        status: 200,
        json: true,
      });
      const { value } = bus.asked.at(-1)!;
      t.match(value, [
        { service_id, configuration: { plan: 'free', version: '1.0' }, credentials, name: 'web' },
        [bound],
      ]);
    }
    const owned = await create(configuration({ organization_guid: 'org', space_guid: 'space' }));
    await send('POST', `${INTERNAL}/migration/n2/${owned.service_id}/import`, {});
    const [handle, bindings] = bus.asked.at(-1)!.value as [object, unknown[]];
    t.match(handle, { owner: 'org/space/web' }, 'its owner goes along');
    t.strictSame(bindings, []);
  },
);

t.test('migration - update takes over the handles that the node answers', async (t) => {
  const { send, create, bus, call } = v1Gateway();
  const { service_id, credentials } = await create();
  const moved = { ...credentials, node_id: 'n2', host: '10.0.0.2' };
  bus.answer('HarboraaS.update_instance.n2', () => [{ service_id, credentials: moved }]);
  t.strictSame(await send('POST', `${INTERNAL}/migration/n2/${service_id}/update`, {}), {
    status: 200,
    json: true,
  });
  t.match(await call('GET', `/api/v1/services/${service_id}`), { json: { node_id: 'n2', host: '10.0.0.2' } });
  t.strictSame(await send('GET', `${INTERNAL}/migration/n2/instances`), { status: 200, json: [service_id] });
  t.strictSame(await send('GET', `${INTERNAL}/migration/n1/instances`), { status: 200, json: [] });
  t.match(await send('POST', `${INTERNAL}/migration/n2/${service_id}/check`), { status: 200, json: true });
  t.match(await send('POST', `${INTERNAL}/migration/n1/${service_id}/check`), {
    status: 404,
    json: { code: 30300 },
  });
  t.strictSame(await send('POST', `${INTERNAL}/migration/n1/${service_id}/unprovision`, {}), {
    status: 200,
    json: true,
  });
});

t.test('migration - a failure of the node is answered, and nothing has changed', async (t) => {
  const { send, create, bus, state } = v1Gateway();
  const { service_id } = await create();
  const before = state.replica.get('instance', service_id);
  const error = { status: 409, msg: { code: 31002, description: 'held', error: 'HARBOR_PORT_TAKEN' } };
  bus.answer('HarboraaS.import_instance.n2', () => ({ success: false, error }));
  bus.answer('HarboraaS.update_instance.n2', () => ({ success: false, error }));
  for (const action of ['import', 'update'])
    t.match(await send('POST', `${INTERNAL}/migration/n2/${service_id}/${action}`, {}), {
      status: 409,
      json: { code: 31002 },
    });
  bus.answer('HarboraaS.update_instance.n2', () => []);
  t.match(await send('POST', `${INTERNAL}/migration/n2/${service_id}/update`, {}), {
    status: 500,
    json: { code: 30500 },
  });
  for (const [url, status] of [
    [`/migration/n3/${service_id}/enable`, 503],
    [`/migration/n1/${service_id}/explode`, 404],
    ['/migration/n1/nobody/enable', 404],
    [`/migration/%3E/${service_id}/enable`, 404],
  ] as const)
    t.match(await send('POST', INTERNAL + url, {}), { status }, url);
  t.strictSame(state.replica.get('instance', service_id), before);
});

t.test('migration - update_service_handle is answered with true or false', async (t) => {
  const { create, bus, state } = v1Gateway();
  const { service_id, credentials } = await create();
  const told = { service_id, credentials: { ...credentials, port: 36_000 } };
  t.equal(await bus.ask('HarboraaS.update_service_handle', told), true);
  t.equal(state.replica.get('instance', service_id)?.credentials?.port, 36_000);
  const stranger = { service_id: 'nobody', credentials: credentialsFor('nobody') };
  t.equal(await bus.ask('HarboraaS.update_service_handle', stranger), false);
  for (const malformed of [{ service_id }, { credentials }, [], null, 'text'])
    t.equal(await bus.ask('HarboraaS.update_service_handle', malformed), false, JSON.stringify(malformed));
});

t.test(
  'component - the gateway announces itself, answers discover with its uptime, and masks its password',
  async (t) => {
    const { bus, clock, call, send } = withVarz(v1Gateway());
    const { value } = bus.published.find(({ subject }) => subject === 'vcap.component.announce')!;
    t.match(value, {
      type: 'HarboraaS-Provisioner',
      index: 0,
      uuid: /^0-[0-9a-f]{32}$/,
      host: '192.0.2.7:8190',
      credentials: ['user', 'pass:word'],
    });
    clock.advance(90_061_000);
    t.strictSame(componentDiscovery.parse(await bus.ask('vcap.component.discover', {})), {
      ...(value as object),
      uptime: '1d:1h:1m:1s',
    });
    await send('POST', CONFIGURATIONS, configuration({ name: 1 }));
    const { json, text } = await call('GET', '/varz');
    t.match(json, {
      ...(value as object),
      credentials: ['user', '********'],
      uptime: '1d:1h:1m:1s',
      mem: Number,
      cpu: Number,
    });
    t.match(json, {
      orphan_instances: {},
      orphan_bindings: {},
      responses_metrics: { responses_4xx: 1, responses_5xx: 0 },
      nodes: Array,
    });
    t.notMatch(text, 'pass:word');
    t.match(await call('GET', '/healthz'), { status: 200, text: 'ok' });
  },
);

t.test('nodes - one not heard of for 300 s is swept within 60 s', async (t) => {
  const { clock, varz } = withVarz(v1Gateway());
  clock.advance(299_000);
  t.match(await varz(), { nodes: [{ id: 'n1', stale: false }] });
  clock.advance(61_000);
  t.strictSame((await varz()).nodes, []);
});
