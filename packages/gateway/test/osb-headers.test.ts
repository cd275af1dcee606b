import { SERVICE_ID } from '@harbor/wire';
import t from 'tap';
import { memoryGateway, provisionBody, TCP } from './support/fixture.js';

/** Open Service Broker 2.17, sentence by sentence: what stands in the headers. */
const ONE = '/v2/service_instances/one';
const BINDING = `${ONE}/service_bindings/b`;
const IDS = `?service_id=${SERVICE_ID}&plan_id=${TCP.id}`;
const BIND = { service_id: SERVICE_ID, plan_id: TCP.id };
const IDENTITY = 'x-broker-api-originating-identity';

const base64 = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64');

async function provisioned() {
  const all = memoryGateway();
  await all.call('PUT', ONE, provisionBody());
  return all;
}

t.test('osb - a request without an account gets 401 before its version and body are looked at', async (t) => {
  const { call } = await provisioned();
  for (const method of ['GET', 'PUT', 'PATCH', 'DELETE'] as const)
    for (const path of [ONE, BINDING, '/v2/catalog', '/v2/none'])
      t.match(
        await call(method, path, method === 'GET' ? undefined : [], {
          authorization: '',
          'x-broker-api-version': '',
          [IDENTITY]: 'malformed',
        }),
        { status: 401, json: { error: String, description: String } },
        `${method} ${path}`,
      );
});

t.test('osb - a missing, empty or unsupported version gets 412 before the body is looked at', async (t) => {
  const { call } = await provisioned();
  for (const method of ['GET', 'PUT', 'PATCH', 'DELETE'] as const)
    for (const version of ['', '1.17', '3.0', 'x'])
      t.match(
        await call(method, ONE, method === 'GET' ? undefined : [], {
          'x-broker-api-version': version,
          [IDENTITY]: 'malformed',
        }),
        { status: 412, json: { error: String, description: String } },
        `${method} ${version}`,
      );
});

t.test('osb - every 2.x is served', async (t) => {
  const { call } = await provisioned();
  for (const version of ['2.0', '2.3', '2.13', '2.17', '2.18'])
    t.match(await call('GET', ONE, undefined, { 'x-broker-api-version': version }), { status: 200 }, version);
});

t.test('osb - the identity of the request is echoed, whatever the answer', async (t) => {
  const { call } = await provisioned();
  const header = { 'x-broker-api-request-identity': 'e26cef79-5418' };
  for (const [method, path, more] of [
    ['GET', '/v2/catalog', {}],
    ['PUT', ONE, {}],
    ['PATCH', ONE, {}],
    ['DELETE', ONE, { authorization: '' }],
    ['DELETE', ONE, { 'x-broker-api-version': '1.0' }],
  ] as const)
    t.match((await call(method, path, undefined, { ...header, ...more })).headers, header);
});

t.test('osb - a malformed originating identity gets 400 and changes nothing', async (t) => {
  const { call, state, bus } = memoryGateway();
  const malformed = [
    'cloudfoundry',
    'cf !!!',
    'cf bm90IGpzb24=',
    `cf ${base64([])}`,
    `cf ${base64('x')}`,
    '',
    'a b c',
  ];
  for (const identity of malformed)
    t.match(
      await call('PUT', ONE, provisionBody(), { [IDENTITY]: identity }),
      { status: 400, json: { error: 'HARBOR_REQUEST_INVALID', description: /Originating-Identity/ } },
      identity,
    );
  t.equal(state.replica.count('instance') + bus.asked.length, 0);
});

t.test('osb - who, what and which instance go to the audit log, and no secret does', async (t) => {
  const { call, log } = memoryGateway();
  const cf = { [IDENTITY]: `cloudfoundry ${base64({ user_id: 'user-1', token: 'secret-1' })}` };
  const k8s = {
    [IDENTITY]: `kubernetes ${base64({ username: 'duke', uid: 'c2', groups: ['admin'], extra: { k: ['secret-2'] } })}`,
    'x-broker-api-request-identity': 'r-1',
  };
  const parameters = { max_connections: 77_777 };
  await call('PUT', ONE, provisionBody({ parameters }), cf);
  await call('PUT', BINDING, { ...BIND, app_guid: 'demo' }, k8s);
  await call('PATCH', ONE, { service_id: 'unknown' }, cf);
  await call('DELETE', BINDING + IDS);
  await call('GET', ONE, undefined, cf);
  await call('DELETE', ONE + IDS, undefined, { authorization: '' });
  const lines = log.lines.filter((line) => (line as { event?: string }).event === 'audit');
  const user = { platform: 'cloudfoundry', user: 'user-1' };
  t.strictSame(lines, [
    { event: 'audit', who: user, what: 'provision', instance: 'one', status: 201 },
    {
      ...{ event: 'audit', who: { platform: 'kubernetes', user: 'duke' }, what: 'bind', instance: 'one' },
      ...{ binding: 'b', request: 'r-1', status: 201 },
    },
    { event: 'audit', who: user, what: 'update', instance: 'one', status: 400 },
    { event: 'audit', who: null, what: 'unbind', instance: 'one', binding: 'b', status: 200 },
  ]);
  t.notMatch(JSON.stringify(log.lines), /secret-|77777/);
});
