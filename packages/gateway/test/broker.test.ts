import { PLANS, SERVICE_ID } from '@harbor/wire';
import fc from 'fast-check';
import t from 'tap';
import {
  BROKER_HEADERS,
  credentialsFor,
  FREE,
  harborContext,
  memoryGateway,
  provisionBody,
  TCP,
  UDP,
} from './support/fixture.js';

const ONE = '/v2/service_instances/one';
const QUERY = `?service_id=${SERVICE_ID}&plan_id=${TCP.id}`;

t.test('broker - wrong credentials and versions are refused before the body is looked at', async (t) => {
  const { call } = memoryGateway();
  const basic = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString('base64')}` });
  const wrong = ['user:wrong', 'wrong:pass:word', 'user', ':', 'user:pass:word2', 'user:pass'];
  for (const headers of [{ authorization: '' }, { authorization: 'Bearer x' }, ...wrong.map(basic)]) {
    const answer = await call('PUT', ONE, { not: 'valid' }, { ...headers, 'x-broker-api-version': '' });
    t.match(answer, { status: 401, json: { error: 'HARBOR_UNAUTHORIZED', description: String } });
    t.match(answer.headers['www-authenticate'], /^Basic /);
  }
  for (const version of ['', '1.0', '3.0', '2', '2.x', '12.1', ' 2.17, 2.17']) {
    const answer = await call('PUT', ONE, { not: 'valid' }, { 'x-broker-api-version': version });
    t.match(answer, { status: 412, json: { error: 'HARBOR_BROKER_VERSION' } }, version);
  }
  for (const version of ['2.0', '2.13', '2.17', '2.99'])
    t.match(await call('GET', '/v2/catalog', undefined, { 'x-broker-api-version': version }), {
      status: 200,
    });
});

t.test('broker - the version header is not asked for outside /v2', async (t) => {
  const { call } = memoryGateway();
  t.match(await call('GET', '/api/v1/services', undefined, { 'x-broker-api-version': '' }), { status: 200 });
});

t.test('broker - the request identity is echoed, on errors too', async (t) => {
  const { call } = memoryGateway();
  const identity = { 'x-broker-api-request-identity': 'e26cef79-5418' };
  for (const url of ['/v2/catalog', '/v2/service_instances/none', '/v2/nowhere'])
    t.match((await call('GET', url, undefined, identity)).headers, identity, url);
  t.match(
    (await call('GET', '/v2/catalog', undefined, { ...identity, authorization: '' })).headers,
    identity,
  );
});

t.test('broker - the catalog has one service with four plans and their parameter schemas', async (t) => {
  const { json } = await memoryGateway().call('GET', '/v2/catalog');
  const [service, ...others] = json.services as Record<string, unknown>[];
  t.equal(others.length, 0);
  t.match(service, {
    id: '3edeafa1-2fd8-414e-a125-62570fe168ed',
    name: 'harbor',
    bindable: true,
    instances_retrievable: true,
    bindings_retrievable: true,
    tags: ['harbor'],
  });
  t.match(service?.plans, [{ name: 'tcp' }, { name: 'udp' }, { name: 'both' }, { name: 'free' }]);
  t.strictSame(
    (service?.plans as { id: string }[]).map(({ id }) => id),
    PLANS.map(({ id }) => id),
  );
  t.match((service?.plans as unknown[])[1], {
    schemas: {
      service_instance: {
        create: {
          parameters: {
            $schema: 'http://json-schema.org/draft-04/schema#',
            additionalProperties: false,
            properties: { protocol: { enum: ['udp'] }, port: { type: 'integer', maximum: 65535 } },
          },
        },
      },
    },
  });
});

t.test('broker - creating answers 201, the same again 200, anything different 409', async (t) => {
  const { call, bus } = memoryGateway();
  const parameters = { allow: ['10.0.0.0/8'], max_connections: 5 };
  t.match(await call('PUT', ONE, provisionBody({ parameters })), { status: 201, text: '{}' });
  const reordered = { max_connections: 5, allow: ['10.9.9.9/8'] };
  const again = provisionBody({ parameters: reordered, unknown_field: { any: 'thing' } });
  t.match(await call('PUT', `${ONE}?accepts_incomplete=true`, again), { status: 200, text: '{}' });
  const different = [
    provisionBody(),
    provisionBody({ parameters: { ...parameters, max_connections: 6 } }),
    provisionBody({ parameters, plan_id: UDP.id }),
    provisionBody({ parameters, organization_guid: 'other' }),
    provisionBody({ parameters, space_guid: 'other' }),
  ];
  for (const body of different)
    t.match(await call('PUT', ONE, body), { status: 409, json: { error: 'HARBOR_SERVICE_EXISTS' } });
  t.equal(bus.asked.length, 1);
});

t.test('broker - absent, null and empty parameters are the same', async (t) => {
  const { call } = memoryGateway();
  await call('PUT', ONE, provisionBody());
  for (const parameters of [null, {}])
    t.match(await call('PUT', ONE, provisionBody({ parameters, context: null })), { status: 200 });
});

t.test('broker - malformed requests get 400, name the field, and change nothing', async (t) => {
  const { call, bus, state } = memoryGateway();
  const cases: [object, RegExp][] = [
    [{ service_id: undefined }, /service_id/],
    [{ plan_id: undefined }, /plan_id/],
    [{ organization_guid: undefined }, /organization_guid/],
    [{ space_guid: '' }, /space_guid/],
    [{ service_id: 'unknown' }, /service_id: is not in the catalog/],
    [{ plan_id: 'unknown' }, /plan_id: is not in the catalog/],
    [{ plan_id: 7 }, /plan_id/],
    [{ parameters: [] }, /parameters/],
    [{ parameters: { unknown: 1 } }, /parameters/],
    [{ parameters: { port: 0 } }, /parameters\.port/],
    [{ parameters: { protocol: 'sctp' } }, /parameters\.protocol/],
    [{ parameters: { protocol: 'udp' } }, /the plan tcp serves tcp, not udp/],
    [{ parameters: { allow: ['10.0.0.0/33'] } }, /parameters\.allow\[0\]/],
    [{ plan_id: UDP.id, parameters: { proxy_protocol: 'v1' } }, /proxy_protocol: v1 knows no UDP/],
    [
      { plan_id: FREE.id, parameters: { proxy_protocol: 'v1' }, ...harborContext('udp-x') },
      /v1 knows no UDP/,
    ],
    [{ context: { platform: 'harbor' } }, /context\.instance_name: is required/],
    [harborContext('a\u0000b'), /context\.instance_name/],
    [harborContext('\u001b[31m'), /context\.instance_name/],
    [harborContext('\ud800'), /context\.instance_name/],
    [{ organization_guid: '\ud800' }, /organization_guid/],
    [harborContext('x'.repeat(256)), /context\.instance_name/],
  ];
  for (const [change, description] of cases) {
    const answer = await call('PUT', ONE, provisionBody(change));
    t.match(
      answer,
      { status: 400, json: { error: /^HARBOR_/, description } },
      JSON.stringify(change).slice(0, 60),
    );
  }
  t.match(await call('PUT', ONE, []), { status: 400 });
  t.equal(bus.asked.length + state.replica.count('instance'), 0);
});

t.test('broker - an instance is fetched with its plan and parameters', async (t) => {
  const { call } = memoryGateway();
  t.match(await call('GET', ONE), { status: 404, json: { error: 'HARBOR_SERVICE_NOT_FOUND' } });
  t.match(await call('GET', `${ONE}/last_operation`), { status: 404 });
  await call('PUT', ONE, provisionBody({ parameters: { port: 35123 } }));
  const { status, json } = await call('GET', ONE);
  t.equal(status, 200);
  t.strictSame(json, { service_id: SERVICE_ID, plan_id: TCP.id, parameters: { port: 35123 } });
  t.match(await call('GET', `${ONE}/last_operation`), { status: 200, json: { state: 'succeeded' } });
});

t.test('broker - deleting needs the service and the plan, and a body is tolerated', async (t) => {
  const { call } = memoryGateway();
  await call('PUT', ONE, provisionBody());
  for (const query of ['', `?service_id=${SERVICE_ID}`, `?plan_id=${TCP.id}`, `${QUERY}&plan_id=x`])
    t.match(await call('DELETE', `${ONE}${query}`), {
      status: 400,
      json: { error: 'HARBOR_REQUEST_INVALID' },
    });
  t.match(await call('DELETE', ONE + QUERY.replace(TCP.id, UDP.id)), { status: 400 });
  t.match(await call('GET', ONE), { status: 200 });
  t.match(await call('DELETE', ONE + QUERY, { any: 'body' }), { status: 200, text: '{}' });
  t.match(await call('DELETE', ONE + QUERY), { status: 410, json: { error: 'HARBOR_SERVICE_GONE' } });
});

t.test(
  'broker - two requests for one id at once: one is done, the others get 422 ConcurrencyError',
  async (t) => {
    const { call, bus } = memoryGateway();
    let finish: (answer: object) => void = () => undefined;
    const asked = new Promise<void>((resolve) => {
      bus.answer('HarboraaS.provision.n1', () => {
        resolve();
        return new Promise((answer) => (finish = answer));
      });
    });
    const first = call('PUT', ONE, provisionBody());
    await asked;
    const busy = { status: 422, json: { error: 'ConcurrencyError', description: /under way/ } };
    t.match(await call('PUT', ONE, provisionBody()), busy);
    t.match(await call('DELETE', ONE + QUERY), busy);
    t.match(await call('PUT', `${ONE}/service_bindings/b`, provisionBody()), busy);
    t.match(await call('GET', ONE), { status: 404 }, 'it is not there yet');
    t.match(await call('GET', `${ONE}/last_operation`), { status: 404 });
    finish({ success: true, credentials: credentialsFor('one') });
    t.match(await first, { status: 201 });
    t.equal(bus.asked.length, 1);
  },
);

t.test('broker - a name is unique in its space for harbor itself, and only there', async (t) => {
  const { call, bus } = memoryGateway();
  const put = (id: string, more: object) => call('PUT', `/v2/service_instances/${id}`, provisionBody(more));
  const both = await Promise.all([put('one', harborContext('web')), put('two', harborContext('web'))]);
  t.strictSame(
    both.map(({ status }) => status),
    [201, 409],
  );
  t.match(both[1].json, { error: 'HARBOR_SERVICE_EXISTS', description: /"web" is taken/ });
  t.match(await put('three', { ...harborContext('web'), space_guid: 'other' }), { status: 201 });
  const cf = { context: { platform: 'cloudfoundry', instance_name: 'web' } };
  t.match(await put('four', cf), { status: 201 });
  t.match(await put('five', cf), { status: 201 });
  t.equal(bus.asked.length, 4);
  t.match(await call('DELETE', ONE + QUERY), { status: 200 });
  t.match(await put('six', harborContext('web')), { status: 201 });
});

t.test('broker - ids may be anything that can be percent-encoded, up to 255 characters', async (t) => {
  const { call, state } = memoryGateway();
  const id = fc
    .oneof(
      fc.string({ unit: 'binary', minLength: 1, maxLength: 255 }),
      fc.string({
        unit: fc.constantFrom('/', '%', '"', "'", '\n', '\0', '?', '#', '..', '\u{1f600}', '+'),
        minLength: 1,
        maxLength: 40,
      }),
    )
    .filter((text) => text.length <= 255 && !/\p{Surrogate}/u.test(text) && text !== '.' && text !== '..');
  await fc.assert(
    fc.asyncProperty(id, async (id) => {
      const path = `/v2/service_instances/${encodeURIComponent(id)}`;
      const created = await call('PUT', path, provisionBody());
      const found = state.replica.get('instance', id);
      const deleted = await call('DELETE', path + QUERY);
      return created.status === 201 && found?.id === id && deleted.status === 200;
    }),
    { numRuns: 60 },
  );
  const longest = encodeURIComponent('\u{10ffff}'.repeat(127));
  t.match(await call('PUT', `/v2/service_instances/${longest}`, provisionBody()), { status: 201 });
  t.match(await call('PUT', `/v2/service_instances/${'x'.repeat(256)}`, provisionBody()), { status: 400 });
  t.match(await call('PUT', `/v2/service_instances/${'x'.repeat(9000)}`, provisionBody()), {
    json: { error: /^HARBOR_/ },
  });
});

t.test('broker - unknown paths and methods are JSON, and need an account under /v2', async (t) => {
  const { call } = memoryGateway();
  const error = { error: 'HARBOR_NOT_FOUND', description: String };
  for (const url of ['/v2/nowhere', '/nowhere', '/api/v1/nowhere', '/v2/service_instances'])
    t.match(await call('GET', url), { status: 404, json: error }, url);
  t.match(await call('PUT', '/v2/catalog', {}), { status: 404, json: error });
  t.match(await call('GET', '/v2/nowhere', undefined, { authorization: '' }), { status: 401 });
  t.match(await call('GET', '/v2/service_instances/%ff', undefined, BROKER_HEADERS), { status: 400 });
});
