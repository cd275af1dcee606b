import { parameterChanges, PLANS, SERVICE_ID, serviceParameters, updateRequest } from '@harbor/wire';
import { eventually } from '@harbor/testbed';
import fc from 'fast-check';
import { connect } from 'node:net';
import t, { type Test as Tap } from 'tap';
import { BROKER_HEADERS, provisionBody, TCP, UDP } from './support/fixture.js';
import { realServers } from './support/servers.js';

const QUERY = `?service_id=${SERVICE_ID}&plan_id=${TCP.id}`;
const METHODS = ['PUT', 'PATCH', 'DELETE', 'GET'] as const;
const MEGABYTES = 10 * 1024 * 1024;

/** Every path of the broker API below an id. */
const ENDPOINTS = ['', '/last_operation', '/service_bindings/b', '/service_bindings/b/last_operation'];

const instance = (id: string): string => `/v2/service_instances/${encodeURIComponent(id)}`;

/** An id as a platform, or somebody who means no good, may choose it. */
const anyId = fc
  .oneof(
    fc.string({ unit: 'binary', minLength: 1, maxLength: 255 }),
    fc.string({
      unit: fc.constantFrom('/', '..', '"', "'", '\n', '\r', '\0', '%', '?', '#', '{', '$', '\u{1f600}', 'x'),
      minLength: 1,
      maxLength: 100,
    }),
    fc.constantFrom('__proto__', 'constructor', 'x'.repeat(255), '$(reboot)', "'; DROP", '*', '\u202e'),
  )
  .filter((id) => id.length <= 255 && !/\p{Surrogate}/u.test(id) && id !== '.' && id !== '..');

/** Parameters good and bad. */
const parameters = fc.record(
  {
    max_connections: fc.oneof(fc.integer({ min: -2, max: 10 }), fc.constant(null)),
    allow: fc.oneof(fc.constantFrom(['10.0.0.0/8'], ['::1'], ['10.0.0.0/33'], [], 'x'), fc.constant(null)),
    idle_timeout: fc.oneof(fc.double({ min: -1, max: 90_000, noNaN: true }), fc.constant(null)),
    preserve_client_ip: fc.oneof(fc.boolean(), fc.constant(null)),
    proxy_protocol: fc.constantFrom('v1', 'v2', 'v3', null),
    protocol: fc.constantFrom('tcp', 'udp', 'both', 'sctp', null),
    port: fc.constantFrom(35_001, 35_002, null),
    public: fc.oneof(fc.boolean(), fc.constant('yes')),
  },
  { requiredKeys: [] },
);

/** What takes every parameter away again; the port is not one that can be. */
const nulls = Object.fromEntries(
  Object.keys(parameterChanges.shape)
    .filter((name) => name !== 'port')
    .map((name) => [name, null]),
);

t.test('fuzz - a real gateway under whatever comes', async (t) => {
  const { node, openGateway, openStore } = await realServers(t);
  const { port, log, state } = await opened();

  async function opened() {
    const gateway = await openGateway();
    return { ...gateway, state: openStore() };
  }

  const send = async (method: string, path: string, body?: string | Buffer, headers: object = {}) => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
      method,
      headers: { ...BROKER_HEADERS, ...headers },
      ...(body === undefined || method === 'GET' ? {} : { body }),
    });
    const text = await answer.text();
    return { status: answer.status, text, json: JSON.parse(text) as Record<string, unknown> };
  };
  const stored = async () => (await state.snapshot(['instance', 'binding', 'name'])).records;
  /** The state as it is must be the state afterwards, and the gateway must answer still. */
  const unchangedBy = async (t: Tap, work: () => Promise<void>) => {
    const before = await stored();
    await work();
    t.strictSame(await stored(), before, 'the state is unchanged');
    t.match(await send('GET', '/v2/catalog'), { status: 200 }, 'and it answers');
  };
  const refused = (t: Tap, answer: Awaited<ReturnType<typeof send>>, status: number, what: string) => {
    t.equal(answer.status, status, what);
    t.strictSame(Object.keys(answer.json).sort(), ['description', 'error'], what);
    t.notMatch(answer.text, /\.js:|node_modules|at \w+ \(|pass:word/, `${what} leaks nothing`);
  };

  await send('PUT', instance('there'), JSON.stringify(provisionBody()));
  await send('PUT', `${instance('there')}/service_bindings/b`, JSON.stringify(provisionBody()));

  await t.test(
    'every endpoint refuses wrong credentials with 401 and a wrong version with 412',
    async (t) => {
      await unchangedBy(t, async () => {
        for (const endpoint of ENDPOINTS)
          for (const method of METHODS) {
            const path = instance('there') + endpoint + QUERY;
            const what = `${method} ${endpoint}`;
            const wrong = { authorization: `Basic ${Buffer.from('user:wrong').toString('base64')}` };
            refused(t, await send(method, path, '{', { ...wrong, 'x-broker-api-version': '' }), 401, what);
            refused(t, await send(method, path, '{', { 'x-broker-api-version': '1.0' }), 412, what);
            refused(t, await send(method, path, '{', { 'x-broker-api-version': '' }), 412, what);
          }
      });
    },
  );

  await t.test('every endpoint with a body refuses what is no good JSON, and 10 MB with 413', async (t) => {
    const deep = (depth: number): string => '{"a":'.repeat(depth) + '1' + '}'.repeat(depth);
    const bodies: [string, string | Buffer, number, object][] = [
      ['malformed', '{"service_id":', 400, {}],
      ['no object', '[]', 400, {}],
      ['another media type', '{}', 400, { 'content-type': 'text/xml' }],
      ['__proto__', '{"__proto__":{"a":1}}', 400, {}],
      ['a __proto__ within', '{"parameters":{"__proto__":{"a":1}}}', 400, {}],
      [
        'deep parameters',
        `{"service_id":"${SERVICE_ID}","plan_id":"${TCP.id}","parameters":${deep(9_000)}}`,
        400,
        {},
      ],
      ['an unknown plan', JSON.stringify(provisionBody({ plan_id: 'none' })), 400, {}],
      ['an unknown service', JSON.stringify(provisionBody({ service_id: 'none' })), 400, {}],
      ['10 MB', Buffer.alloc(MEGABYTES, ' '), 413, {}],
    ];
    await unchangedBy(t, async () => {
      for (const [what, body, status, headers] of bodies)
        for (const [method, endpoint] of [
          ['PUT', ''],
          ['PATCH', ''],
          ['PUT', '/service_bindings/b'],
        ] as const)
          refused(
            t,
            await send(method, instance('there') + endpoint, body, headers),
            status,
            `${method} ${what}`,
          );
    });
    t.equal(({} as { a?: number }).a, undefined);
  });

  await t.test('whatever JSON an update is, it is taken as a whole or refused as a whole', async (t) => {
    node.bus.serve('HarboraaS.update.n1', updateRequest, async ({ instance: riding }) => {
      const value = riding?.record;
      const id = value?.id ?? '';
      const result = await state.commit({
        expect: [{ kind: 'instance', id, is: 'at', revision: riding?.revision ?? 0 }],
        write: [{ kind: 'instance', id, value }],
      });
      return { success: true, revision: result.done ? result.revision : 0 };
    });
    const plan_id = fc.constantFrom(...PLANS.map(({ id }) => id), 'none', null);
    const anything = fc.oneof(
      fc.record({ plan_id, parameters }, { requiredKeys: [] }),
      fc.jsonValue({ maxDepth: 2 }),
    );
    const answers = new Set<number>();
    await fc.assert(
      fc.asyncProperty(anything, async (more) => {
        const body = JSON.stringify({ service_id: SERVICE_ID, ...(more as object) });
        const before = JSON.stringify(await stored());
        const { status } = await send('PATCH', instance('there'), body);
        answers.add(status);
        if (status !== 200) return status === 400 && JSON.stringify(await stored()) === before;
        const { json } = await send('GET', instance('there'));
        return serviceParameters.safeParse(json.parameters).success;
      }),
      { numRuns: 150 },
    );
    t.strictSame([...answers].sort(), [200, 400], 'there were both');
    const back = { plan_id: TCP.id, parameters: nulls };
    t.match(await send('PATCH', instance('there'), JSON.stringify({ service_id: SERVICE_ID, ...back })), {
      status: 200,
    });
    t.match(await send('PUT', instance('there'), JSON.stringify(provisionBody())), { status: 200 });
  });

  await t.test('any id can be created, bound, read and deleted, and is nobody else', async (t) => {
    await fc.assert(
      fc.asyncProperty(anyId, async (id) => {
        const path = instance(id);
        const binding = `${path}/service_bindings/${encodeURIComponent(id)}`;
        const statuses = [
          (await send('PUT', path, JSON.stringify(provisionBody()))).status,
          (await send('PUT', binding, JSON.stringify(provisionBody()))).status,
          (await send('GET', binding)).status,
          (await send('GET', `${path}/last_operation`)).status,
          (await send('DELETE', binding + QUERY)).status,
          (await send('DELETE', path + QUERY)).status,
          (await send('GET', path)).status,
        ];
        return JSON.stringify(statuses) === '[201,201,200,200,200,200,404]';
      }),
      { numRuns: 25 },
    );
    t.strictSame([...node.services.keys()], ['there']);
    t.notOk(
      log.lines.some((line) => JSON.stringify(line).includes('pass:word')),
      'no secret is in the log',
    );
  });

  await t.test('any path and method gets JSON, and never a 500', async (t) => {
    const part = fc.oneof(
      anyId.map(encodeURIComponent),
      fc.constantFrom('..', '%', '%00', '%ff', '', '*', '%2e%2e'),
    );
    await unchangedBy(t, async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.constantFrom(...METHODS),
          fc.array(part, { maxLength: 5 }),
          async (method, parts) => {
            const { status, json } = await send(method, `/v2/${parts.join('/')}`, '{}');
            return status >= 400 && status < 500 && typeof json.error === 'string';
          },
        ),
        { numRuns: 60 },
      );
    });
  });

  await t.test('of two different requests for one id at once one is done', async (t) => {
    for (let round = 0; round < 10; round++) {
      const path = instance(`race ${round}`);
      const bodies = [provisionBody(), provisionBody({ plan_id: UDP.id })];
      const answers = await Promise.all(bodies.map((body) => send('PUT', path, JSON.stringify(body))));
      const statuses = answers.map(({ status }) => status);
      t.equal(statuses.filter((status) => status === 201).length, 1, String(statuses));
      t.ok(
        statuses.every((status) => [201, 409, 422].includes(status)),
        String(statuses),
      );
      const kept = bodies[statuses.indexOf(201)];
      t.match(await send('GET', path), { json: { plan_id: kept?.plan_id } });
    }
  });

  await t.test('clients that hang up midway change nothing and hold nobody up', async (t) => {
    const body = JSON.stringify(provisionBody());
    const headers = Object.entries({ ...BROKER_HEADERS, host: 'x', 'content-length': body.length });
    const request = (id: string): string =>
      [`PUT ${instance(id)} HTTP/1.1`, ...headers.map(([name, value]) => `${name}: ${value}`), '', body].join(
        '\r\n',
      );
    await unchangedBy(t, async () => {
      await fc.assert(
        fc.asyncProperty(fc.double({ min: 0, max: 0.99, noNaN: true }), async (share) => {
          const text = request('half');
          const socket = connect(port, '127.0.0.1');
          socket.write(text.slice(0, Math.floor(text.length * share)));
          socket.end();
          socket.resume();
          // How it ends for who has left is of no interest: a reset is an end, too.
          await new Promise((done) => socket.on('error', () => undefined).once('close', done));
          return true;
        }),
        { numRuns: 30 },
      );
    });
    const whole = connect(port, '127.0.0.1').on('error', () => undefined);
    whole.write(request('whole'), () => whole.destroy());
    await eventually('what came whole to be carried out', async () => {
      const { status } = await send('GET', instance('whole'));
      return status === 200;
    });
  });

  await t.test('a slow client is served, and others meanwhile', async (t) => {
    const body = JSON.stringify(provisionBody());
    const socket = connect(port, '127.0.0.1');
    let answer = '';
    socket.on('data', (chunk) => (answer += chunk.toString()));
    const head = Object.entries({ ...BROKER_HEADERS, host: 'x', 'content-length': body.length });
    const lines = [
      `PUT ${instance('slow')} HTTP/1.1`,
      ...head.map(([name, value]) => `${name}: ${value}`),
      '',
      '',
    ];
    for (const chunk of [lines.join('\r\n'), ...(body.match(/.{1,40}/gs) ?? [])]) {
      socket.write(chunk);
      t.match(await send('GET', instance('there')), { status: 200 });
    }
    await eventually('the answer', () => answer.startsWith('HTTP/1.1 201'));
    socket.destroy();
  });
});
