import { SERVICE_ID } from '@harbor/wire';
import { eventually } from '@harbor/testbed';
import fc from 'fast-check';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import t, { type Test } from 'tap';
import { BROKER_HEADERS, memoryGateway, provisionBody, TCP } from './support/fixture.js';

const ONE = '/v2/service_instances/one';
const MEGABYTES = 10 * 1024 * 1024;

/** The gateway on a real socket of its own. */
async function listening(t: Test) {
  const all = memoryGateway();
  await all.gateway.server.listen({ host: '127.0.0.1', port: 0 });
  const agent = new Agent({ keepAlive: true });
  t.teardown(async () => {
    agent.destroy();
    await all.gateway.stop();
  });
  const { port } = all.gateway.server.server.address() as AddressInfo;
  const send = (chunks: readonly (string | Buffer)[], headers: object = {}, path = ONE) =>
    new Promise<{ status: number; body: Record<string, unknown> }>((resolve, reject) => {
      const options = { agent, port, path, method: 'PUT', headers: { ...BROKER_HEADERS, ...headers } };
      const client = request(options, (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        answer.on('end', () => {
          resolve({ status: answer.statusCode ?? 0, body: JSON.parse(text) as Record<string, unknown> });
        });
      });
      client.on('error', reject);
      for (const chunk of chunks) client.write(chunk);
      client.end();
    });
  return { ...all, port, send };
}

t.test('hostile - a body over 64 KiB is answered with 413, its length announced or not', async (t) => {
  const { send, state } = await listening(t);
  const tooLarge = { status: 413, body: { error: 'HARBOR_BODY_TOO_LARGE', description: String } };
  const chunk = Buffer.alloc(MEGABYTES / 10, ' ');
  const chunks = Array.from({ length: 10 }, () => chunk);
  t.match(await send(chunks, { 'content-length': MEGABYTES }), tooLarge);
  t.match(await send(chunks), tooLarge);
  t.match(await send(chunks, { 'content-length': MEGABYTES, authorization: '' }), { status: 401 });
  const filler = { filler: 'x'.repeat(65_536 - 300) };
  t.match(await send([JSON.stringify(provisionBody(filler))]), { status: 201 }, 'just under it is fine');
  t.equal(state.replica.count('instance'), 1);
});

t.test('hostile - what is not a JSON object of the right media type gets 400', async (t) => {
  const { send, state } = await listening(t);
  const body = JSON.stringify(provisionBody());
  const cases: [string, string | Buffer, object][] = [
    ['malformed', '{"service_id":', {}],
    ['empty', '', {}],
    ['an array', '[]', {}],
    ['null', 'null', {}],
    ['a number', '1e999', {}],
    ['not UTF-8', Buffer.from([0x22, 0xff, 0xfe, 0x22]), {}],
    ['__proto__', `{"__proto__":{"admin":true},${body.slice(1)}`, {}],
    ['constructor.prototype', `{"constructor":{"prototype":{"a":1}},${body.slice(1)}`, {}],
    ['another media type', body, { 'content-type': 'text/plain' }],
    ['a form', body, { 'content-type': 'application/x-www-form-urlencoded' }],
    ['a broken media type', body, { 'content-type': ';;;' }],
    ['deep arrays', '['.repeat(60_000), {}],
    ['deep and closed', '['.repeat(30_000) + ']'.repeat(30_000), {}],
  ];
  for (const [what, text, headers] of cases) {
    const answer = await send([text], headers);
    t.match(answer, { status: 400, body: { error: 'HARBOR_REQUEST_INVALID', description: String } }, what);
    t.strictSame(Object.keys(answer.body), ['error', 'description']);
  }
  t.equal(state.replica.count('instance'), 0);
  t.equal(({} as { admin?: boolean }).admin, undefined);
});

t.test('hostile - depth in a field that is ignored harms nobody, in a kept one it is refused', async (t) => {
  const { send } = await listening(t);
  const deep = '{"a":'.repeat(8_000) + '1' + '}'.repeat(8_000);
  t.match(await send([`{"ignored":${deep},${JSON.stringify(provisionBody()).slice(1)}`]), { status: 201 });
  const bind = JSON.stringify({ service_id: SERVICE_ID, plan_id: TCP.id });
  const path = `${ONE}/service_bindings/b`;
  t.match(await send([`{"parameters":${deep},${bind.slice(1)}`], {}, path), {
    status: 400,
    body: { description: /parameters: must not be nested deeper/ },
  });
});

t.test('hostile - whatever JSON is sent, the answer is a refusal in JSON and nothing changes', async (t) => {
  const { send, state } = await listening(t);
  const anything = fc.dictionary(
    fc.constantFrom(...Object.keys(provisionBody()), 'context', 'parameters', 'toString', 'constructor'),
    fc.jsonValue({ maxDepth: 3 }),
  );
  await fc.assert(
    fc.asyncProperty(anything, fc.constantFrom(ONE, `${ONE}/service_bindings/b`), async (body, path) => {
      const answer = await send([JSON.stringify(body)], {}, path);
      return answer.status === 400 && typeof answer.body.error === 'string';
    }),
    { numRuns: 100 },
  );
  t.equal(state.replica.count('instance') + state.replica.count('binding'), 0);
});

t.test('hostile - bytes that are not HTTP get a JSON answer and a closed connection', async (t) => {
  const { port } = await listening(t);
  for (const bytes of [
    '\x16\x03\x01\x00\xa5\x01\x00',
    'GET\r\n\r\n',
    'PUT / HTTP/1.1\r\nContent-Length: x\r\n\r\n',
  ]) {
    const socket = connect(port, '127.0.0.1');
    let answer = '';
    socket.on('data', (chunk) => (answer += chunk.toString()));
    socket.write(bytes, 'latin1');
    await once(socket, 'close');
    t.match(answer, /^HTTP\/1\.1 400 .*"error":"HARBOR_REQUEST_INVALID"/s);
  }
});

t.test('hostile - a client that hangs up midway changes nothing', async (t) => {
  const { port, send, state, gateway } = await listening(t);
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  const head = Object.entries(BROKER_HEADERS).map(([name, value]) => `${name}: ${value}`);
  socket.write(
    [`PUT ${ONE} HTTP/1.1`, 'Host: x', ...head, 'Content-Length: 500', '', '{"service'].join('\r\n'),
  );
  await eventually('the connection to arrive', async () => (await openConnections(gateway)) > 0);
  socket.destroy();
  await eventually('the connection to end', async () => (await openConnections(gateway)) === 0);
  t.equal(state.replica.count('instance'), 0);
  t.match(await send([JSON.stringify(provisionBody())]), { status: 201 });
});

t.test('hostile - an error nobody foresaw shows neither its message nor a stack', async (t) => {
  const { send, state, log } = await listening(t);
  state.beforeCommit = () => {
    throw new TypeError('secret detail');
  };
  const answer = await send([JSON.stringify(provisionBody())]);
  t.match(answer, { status: 500, body: { error: 'HARBOR_INTERNAL', description: /harbor_gateway\.log/ } });
  t.notMatch(JSON.stringify(answer.body), /secret|TypeError|\.js/);
  t.match(
    log.lines.find((one) => (one as { event?: string }).event === 'request_failed'),
    { code: 'HARBOR_INTERNAL', reason: /secret detail/ },
  );
});

function openConnections({ server }: ReturnType<typeof memoryGateway>['gateway']): Promise<number> {
  return new Promise((resolve, reject) => {
    server.server.getConnections((error, count) => {
      if (error) reject(error);
      else resolve(count);
    });
  });
}
