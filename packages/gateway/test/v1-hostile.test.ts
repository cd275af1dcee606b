import fc from 'fast-check';
import { request } from 'node:http';
import type { AddressInfo } from 'node:net';
import t from 'tap';
import {
  CONFIGURATIONS,
  configuration,
  endpoints,
  handleBody,
  INTERNAL,
  v1Gateway,
  V1_HEADERS,
} from './support/v1.js';

const MEGABYTES = 10 * 1024 * 1024;

/** Ids that mean something to somebody: a path, a quotation, a terminal, a C string, a subject, a prototype. */
const NASTY = [
  'a/b',
  '../x',
  '"\'`',
  'a\nb',
  'a\u0000b',
  'x'.repeat(255),
  '*',
  '>',
  '__proto__',
  '\u{1f600}',
  '%',
  ' ',
];

/** The shared state as one value. */
function stateOf({ state }: ReturnType<typeof v1Gateway>): string {
  const kinds = ['instance', 'binding', 'name'] as const;
  return JSON.stringify(kinds.map((kind) => [...state.replica.entries(kind)]));
}

t.test('v1 - malformed JSON is 400/30001 on every endpoint, and changes nothing', async (t) => {
  const all = v1Gateway();
  const { service_id } = await all.create();
  const before = stateOf(all);
  for (const [method, url] of endpoints(service_id).filter(([method]) => method !== 'GET'))
    for (const text of ['{', '[1,', 'nonsense', '{"a":1}}', '{"__proto__":{}}', '\u0000', '"\ud800'])
      t.match(
        await all.send(method, url, text),
        { status: 400, json: { code: 30001 } },
        `${method} ${url} ${text}`,
      );
  t.equal(stateOf(all), before);
});

t.test(
  'v1 - a body of 10 MB is 413 in the shape of v1, on every endpoint, and changes nothing',
  async (t) => {
    const all = v1Gateway();
    await all.gateway.server.listen({ host: '127.0.0.1', port: 0 });
    t.teardown(() => all.gateway.stop());
    const { port } = all.gateway.server.server.address() as AddressInfo;
    const { service_id } = await all.create();
    const before = stateOf(all);
    const body = Buffer.alloc(MEGABYTES, 'x');
    for (const [method, path] of endpoints(service_id).filter(([method]) => method !== 'GET')) {
      const answer = await new Promise<{ status: number | undefined; text: string }>((resolve, reject) => {
        const headers = { ...V1_HEADERS, 'content-length': body.length };
        const sent = request({ port, path, method, headers }, (response) => {
          let text = '';
          response.setEncoding('utf8');
          response.on('data', (chunk: string) => (text += chunk));
          response.on('end', () => {
            resolve({ status: response.statusCode, text });
          });
        });
        sent.on('error', reject);
        sent.end(body);
      });
      t.equal(answer.status, 413, `${method} ${path}`);
      t.match(JSON.parse(answer.text), {
        code: 31008,
        error: { backtrace: null, types: ['HARBOR_BODY_TOO_LARGE'] },
      });
    }
    t.equal(stateOf(all), before);
    t.match(await all.send('GET', `${INTERNAL}/migration/n1/instances`), { status: 200 });
  },
);

t.test('v1 - ids with slashes, quotes, newlines, NUL and 255 characters are only ids', async (t) => {
  const all = v1Gateway();
  await all.create();
  const before = stateOf(all);
  for (const id of [...NASTY, 'x'.repeat(256), 'x'.repeat(5_000)]) {
    const path = encodeURIComponent(id);
    const known = id.length <= 255 ? 404 : 400;
    const code = id.length <= 255 ? 30300 : 30001;
    t.match(
      await all.send('DELETE', `${CONFIGURATIONS}/${path}`, {}),
      { status: known, json: { code } },
      id.slice(0, 20),
    );
    t.match(await all.send('POST', `${CONFIGURATIONS}/x/handles`, handleBody(id)), {
      status: known,
      json: { code },
    });
    const unbind = { service_id: id, handle_id: id, binding_options: {} };
    t.match(await all.send('DELETE', `${CONFIGURATIONS}/x/handles/${path}`, unbind), {
      status: known,
      json: { code },
    });
    t.match(await all.send('POST', `${INTERNAL}/migration/n1/${path}/check`, {}), {
      status: known,
      json: { code },
    });
  }
  t.equal(stateOf(all), before);
  t.match(
    await all.send('DELETE', `${CONFIGURATIONS}/%ff`, {}),
    { status: 400, json: { code: 30001 } },
    'no UTF-8',
  );
});

t.test('v1 - names and applications of any text either are taken as they are or refused', async (t) => {
  const all = v1Gateway();
  for (const name of ['a\nb', 'a\u0000b', '', 'x'.repeat(256), '\u001b[31m'])
    t.match(await all.send('POST', CONFIGURATIONS, configuration({ name })), {
      status: 400,
      json: { code: 30001 },
    });
  for (const name of ['a/b', '"\'', 'x'.repeat(255), '../..', '\u{1f600}', '__proto__']) {
    const { service_id } = await all.create(configuration({ name }));
    t.equal(all.state.replica.get('instance', service_id)?.name, name);
  }
  const { service_id } = await all.create();
  for (const app_id of NASTY) {
    const { status, json } = await all.send(
      'POST',
      `${CONFIGURATIONS}/x/handles`,
      handleBody(service_id, { app_id }),
    );
    const bound = json as { service_id: string };
    t.equal(status, 200);
    t.equal(all.state.replica.get('binding', bound.service_id)?.app, app_id);
  }
  let deep: unknown = {};
  for (let level = 0; level < 1_000; level++) deep = { deep };
  for (const binding_options of [deep, [], 'text', 1, true])
    t.match(
      await all.send('POST', `${CONFIGURATIONS}/x/handles`, handleBody(service_id, { binding_options })),
      { status: 400, json: { code: 30001 } },
    );
});

t.test('v1 - whatever is sent, the answer is JSON of v1 and never an internal error', async (t) => {
  const all = v1Gateway();
  const { service_id } = await all.create();
  const paths = endpoints(service_id).filter(([method]) => method !== 'GET');
  const value = fc.oneof(
    fc.jsonValue({ maxDepth: 3 }),
    fc.constantFrom(service_id, ...NASTY),
    fc.constant({}),
  );
  // Without a label no binding can come to be by chance.
  const fields = [
    'unique_id',
    'name',
    'plan',
    'version',
    'service_id',
    'handle_id',
    'label',
    'email',
    'app_id',
  ];
  const names = fc.constantFrom(
    ...fields,
    'binding_options',
    'orphan_instances',
    'orphan_bindings',
    'organization_guid',
  );
  const body = fc.oneof(fc.dictionary(names, value), value);
  const before = stateOf(all);
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...paths.slice(2)), body, async ([method, url], sent) => {
      const { status, json } = await all.send(method, url, JSON.stringify(sent));
      if (status === 200) return true;
      const { code, description, error } = json as {
        code: number;
        description: string;
        error: { types: string[] };
      };
      return (
        status < 600 && status !== 500 && code >= 30_000 && description.length > 0 && error.types.length === 1
      );
    }),
    { numRuns: 300 },
  );
  t.equal(stateOf(all), before, 'nothing that fits by chance changes anything');
});
