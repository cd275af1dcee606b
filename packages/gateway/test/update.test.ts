import { SERVICE_ID, type UpdateRequest } from '@harbor/wire';
import t from 'tap';
import {
  credentialsFor,
  FREE,
  harborContext,
  memoryGateway,
  provisionBody,
  TCP,
  UDP,
} from './support/fixture.js';

const ONE = '/v2/service_instances/one';
const UPDATE = 'HarboraaS.update.n1';
const QUERY = `?service_id=${SERVICE_ID}&plan_id=`;

/** A gateway with one instance, whose node takes every update and writes what rides along. */
async function updatable(more: object = {}) {
  const all = memoryGateway();
  const { bus, state } = all;
  const asked: UpdateRequest[] = [];
  bus.answer(UPDATE, (value) => {
    const request = value as UpdateRequest;
    asked.push(request);
    const { record } = request.instance!;
    const revision = state.write([{ kind: 'instance', id: record.id, value: record }]);
    return { success: true, credentials: credentialsFor('one'), revision };
  });
  await all.call('PUT', ONE, provisionBody(more));
  const patch = (body: object) => all.call('PATCH', ONE, { service_id: SERVICE_ID, ...body });
  const stored = () => state.replica.get('instance', 'one')!;
  return { ...all, asked, patch, stored };
}

t.test('update - parameters given are laid over those that hold, null takes one away', async (t) => {
  const { patch, call, asked, stored } = await updatable({
    parameters: { max_connections: 5, idle_timeout: 60 },
  });
  const revision = (await updatable()).state.replica.revisionOf('instance', 'one');
  t.match(await patch({ parameters: { max_connections: 7, idle_timeout: null, allow: ['10.1.2.3/8'] } }), {
    status: 200,
    text: '{}',
  });
  const parameters = { max_connections: 7, allow: ['10.0.0.0/8'] };
  t.strictSame(stored().parameters, parameters);
  t.match(asked, [
    { name: 'one', plan: 'tcp', parameters: { ...parameters, protocol: 'tcp' }, instance: { revision } },
  ]);
  t.match(await call('GET', ONE), { json: { plan_id: TCP.id, parameters } });
});

t.test('update - what changes nothing is done without asking the node', async (t) => {
  const { patch, asked } = await updatable({ parameters: { max_connections: 5 } });
  for (const body of [
    {},
    { parameters: {} },
    { parameters: { max_connections: 5, deny: null } },
    { plan_id: TCP.id },
  ])
    t.match(await patch(body), { status: 200 });
  t.equal(asked.length, 0);
});

t.test(
  'update - a plan that says the protocol goes before the one asked for with the old plan',
  async (t) => {
    const { patch, asked, call } = await updatable({ parameters: { protocol: 'tcp' } });
    t.match(await patch({ plan_id: UDP.id }), { status: 200 });
    t.match(asked, [{ plan: 'udp', parameters: { protocol: 'udp' } }]);
    t.match(await call('GET', '/api/v1/services/one'), { json: { protocol: 'udp', plan: 'udp' } });
    t.match(await patch({ plan_id: FREE.id, parameters: { protocol: 'both' } }), { status: 200 });
    t.match(await call('GET', '/api/v1/services/one'), { json: { protocol: 'both', plan: 'free' } });
  },
);

t.test('update - the port stays: another one is refused, its own may be repeated', async (t) => {
  const { patch, asked } = await updatable();
  for (const port of [35_002, null])
    t.match(await patch({ parameters: { port } }), {
      status: 400,
      json: { error: 'HARBOR_PARAMETERS_INVALID', description: /port: cannot be changed .* stays 35001/ },
    });
  t.match(await patch({ parameters: { port: 35_001 } }), { status: 200 });
  t.equal(asked.length, 0);
});

t.test(
  'update - what is malformed, unknown or contradicts what stays gets 400 and changes nothing',
  async (t) => {
    const { patch, call, asked, stored } = await updatable({ parameters: { proxy_protocol: 'v1' } });
    const before = stored();
    const cases: [object, RegExp][] = [
      [{ service_id: null }, /service_id/],
      [{ service_id: 'unknown' }, /service_id: is not in the catalog/],
      [{ plan_id: 'unknown' }, /plan_id: is not in the catalog/],
      [{ plan_id: 7 }, /plan_id/],
      [{ parameters: [] }, /parameters/],
      [{ parameters: { prot: 1 } }, /there is no prot/],
      [{ parameters: { max_connections: -1 } }, /parameters\.max_connections: must be at least 0/],
      [{ parameters: { protocol: 'udp' } }, /the plan tcp serves tcp, not udp/],
      [{ plan_id: UDP.id }, /proxy_protocol: v1 knows no UDP/],
      [{ parameters: { preserve_client_ip: true } }, /preserve_client_ip: cannot be had here/],
      [{ maintenance_info: 'text' }, /maintenance_info/],
    ];
    for (const [body, description] of cases)
      t.match(await patch(body), { status: 400, json: { description } }, JSON.stringify(body));
    t.match(await call('PATCH', ONE, []), { status: 400 });
    t.match(await call('PATCH', '/v2/service_instances/none', { service_id: SERVICE_ID }), { status: 404 });
    t.equal(asked.length, 0);
    t.equal(stored(), before);
  },
);

t.test('update - what the node refuses is passed on and changes nothing', async (t) => {
  const { patch, bus, stored } = await updatable();
  const msg = { code: 31002, description: 'port 35001 is held by pid 7', error: 'HARBOR_PORT_TAKEN' };
  bus.answer(UPDATE, () => ({ success: false, error: { status: 409, msg } }));
  t.match(await patch({ plan_id: UDP.id }), {
    status: 409,
    json: { error: 'HARBOR_PORT_TAKEN', description: msg.description },
  });
  t.match(stored(), { planId: TCP.id, state: 'ready' });
});

t.test('update - a node that knows no updates is told apart from one that is away', async (t) => {
  const all = memoryGateway();
  await all.call('PUT', ONE, provisionBody());
  const patch = () => all.call('PATCH', ONE, { service_id: SERVICE_ID, parameters: { max_connections: 1 } });
  t.match(await patch(), { status: 503, json: { error: 'HARBOR_NODE_UNAVAILABLE' } });
  all.bus.answer('HarboraaS.bind.n1', () => ({ success: true, credentials: credentialsFor('one') }));
  t.match(await patch(), {
    status: 501,
    json: { error: 'HARBOR_NOT_IMPLEMENTED', description: /n1 is of a version that cannot update/ },
  });
  all.bus.connected = false;
  t.match(await patch(), { status: 503, json: { error: 'HARBOR_NATS_UNAVAILABLE' } });
  t.strictSame(all.state.replica.get('instance', 'one')?.parameters, {});
});

t.test(
  'update - while another operation is under way it is refused, and so are others during it',
  async (t) => {
    const { patch, bus, call, stored } = await updatable();
    let finish: (answer: object) => void = () => undefined;
    const under = new Promise<void>((resolve) => {
      bus.answer(UPDATE, () => {
        resolve();
        return new Promise((answer) => (finish = answer));
      });
    });
    const first = patch({ parameters: { max_connections: 1 } });
    await under;
    const busy = { status: 422, json: { error: 'ConcurrencyError', description: /under way/ } };
    t.match(await patch({ parameters: { max_connections: 2 } }), busy);
    t.match(await call('DELETE', `${ONE}${QUERY}${TCP.id}`), busy);
    t.match(await call('PUT', ONE, provisionBody()), busy);
    t.match(await call('GET', ONE), { status: 200 }, 'it can be read');
    finish({
      success: false,
      error: { status: 422, msg: { code: 1, description: '', error: 'HARBOR_SERVICE_BUSY' } },
    });
    t.match(await first, { status: 422, json: { error: 'ConcurrencyError' } });
    t.strictSame(stored().parameters, {});
  },
);

t.test('update - bindings go on under the new plan', async (t) => {
  const { patch, call } = await updatable();
  const path = `${ONE}/service_bindings/b`;
  const body = (plan_id: string) => ({ service_id: SERVICE_ID, plan_id, app_guid: 'demo' });
  t.match(await call('PUT', path, body(TCP.id)), { status: 201 });
  t.match(await patch({ plan_id: UDP.id }), { status: 200 });
  t.match(await call('PUT', path, body(UDP.id)), { status: 200, json: { endpoints: [{ protocol: 'udp' }] } });
  t.match(await call('PUT', path, body(TCP.id)), { status: 409 });
  t.match(await call('DELETE', `${path}${QUERY}${FREE.id}`), { status: 400 });
  t.match(await call('DELETE', `${path}${QUERY}${UDP.id}`), { status: 200 });
});

t.test('update - the context renames, in one commit with the record of the name', async (t) => {
  const { patch, stored, asked, call } = await updatable(harborContext('web'));
  const rename = (instance_name: string, more: object = {}) =>
    patch({ context: { platform: 'harbor', instance_name }, ...more });
  t.match(await rename('shop', { previous_values: { plan_id: 7 }, parameters: { public: true } }), {
    status: 200,
  });
  t.match(stored(), { name: 'shop', parameters: { public: true } });
  t.match(asked, [
    {
      renamed: {
        name: 'shop',
        owner: 'org/space/shop',
        takes: 'org/space/shop',
        leaves: 'org/space/web',
      },
    },
  ]);
  t.match(await rename('shop'), { status: 200 });
  t.match(await patch({ context: { platform: 'harbor' } }), { status: 200 });
  t.equal(asked.length, 1, 'the same name, and none, change nothing');
  t.match(await call('GET', '/api/v1/services/one'), { json: { name: 'shop' } });
  for (const bad of ['', 'a\u0000b', 'x'.repeat(256)])
    t.match(await rename(bad), { status: 400, json: { description: /context\.instance_name/ } });
  t.equal(stored().name, 'shop');
});

t.test('update - a name that somebody in the space has is refused', async (t) => {
  const { patch, call, stored, asked, bus, state } = await updatable(harborContext('web'));
  bus.answer('HarboraaS.provision.n1', () => ({ success: true, credentials: credentialsFor('two') }));
  t.match(await call('PUT', '/v2/service_instances/two', provisionBody(harborContext('shop'))), {
    status: 201,
  });
  const rename = () => patch({ context: { instance_name: 'shop' } });
  const taken = {
    status: 409,
    json: { error: 'HARBOR_SERVICE_EXISTS', description: 'the name "shop" is taken' },
  };
  t.match(await rename(), taken);
  t.equal(asked.length, 0, 'the node has nothing to do with it');
  state.write([{ kind: 'name', id: 'org/space/shop', value: undefined }]);
  const msg = { code: 31004, description: 'the name "shop" is taken', error: 'HARBOR_SERVICE_EXISTS' };
  bus.answer(UPDATE, () => ({ success: false, error: { status: 409, msg } }));
  t.match(await rename(), taken, 'nor is it given where somebody takes it in between');
  t.equal(stored().name, 'web');
});

t.test('update - names of other platforms may repeat', async (t) => {
  const { patch, asked } = await updatable({ context: { platform: 'cloudfoundry', instance_name: 'web' } });
  t.match(await patch({ context: { platform: 'cloudfoundry', instance_name: 'shop' } }), { status: 200 });
  t.strictSame(asked[0]?.renamed, { name: 'shop', owner: 'org/space/shop' });
});

t.test(
  'update - a port keeps its protocol, whatever its new name says, unless it is asked for',
  async (t) => {
    const { patch, call, stored } = await updatable({ plan_id: FREE.id, ...harborContext('web') });
    const rename = (instance_name: string, more: object = {}) =>
      patch({ context: { instance_name }, ...more });
    await rename('shop');
    t.strictSame(stored().parameters, {}, 'nothing is to be written down where both names say the same');
    await rename('udp-shop');
    t.match(stored(), { name: 'udp-shop', parameters: { protocol: 'tcp' } });
    t.match(await call('GET', '/api/v1/services/one'), { json: { protocol: 'tcp' } });
    await patch({ parameters: { protocol: null } });
    t.strictSame(stored().parameters, {}, 'from here on the name chooses');
    t.match(await call('GET', '/api/v1/services/one'), { json: { protocol: 'udp' } });
    await rename('both-shop', { parameters: { protocol: null } });
    t.match(await call('GET', '/api/v1/services/one'), { json: { protocol: 'both' } });
    await rename('web', { plan_id: UDP.id });
    t.strictSame(stored().parameters, {}, 'a plan that says the protocol needs no parameter');
  },
);
