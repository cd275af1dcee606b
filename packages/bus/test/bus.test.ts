import { HarborError } from '@harbor/core';
import { eventually, freePort, startNats, type TestServer } from '@harbor/testbed';
import { z } from '@harbor/wire';
import t from 'tap';
import { Bus, type InvalidMessage } from '../src/index.js';

let server: TestServer;
const invalid: InvalidMessage[] = [];
const errors: string[] = [];
const outages: string[] = [];
const open: Bus[] = [];

async function bus(): Promise<Bus> {
  const made = await Bus.open({
    servers: [server.url],
    name: 'test',
    waitForServer: false,
    events: {
      onInvalid: (message) => invalid.push(message),
      onError: (subject, error) => errors.push(`${subject} ${error.message}`),
      onDisconnect: () => outages.push('away'),
      onReconnect: () => outages.push('back'),
    },
  });
  open.push(made);
  return made;
}

t.before(async () => {
  server = await startNats();
});
t.teardown(async () => {
  await Promise.all(open.map((each) => each.close()));
  await server.stop();
});

const greeting = z.object({ name: z.string().max(10) });
/** Longer than a busy machine takes: what is not to be answered says so itself. */
const asking = { timeoutMs: 20_000, unanswered: 'HARBOR_NODE_UNAVAILABLE' } as const;

t.test('subscribe - what fits the schema is handled, unknown fields are ignored', async (t) => {
  const [a, b] = [await bus(), await bus()];
  const heard: unknown[] = [];
  a.subscribe('greet', greeting, (value) => heard.push(value));
  await a.flush();
  b.publish('greet', { name: 'x', more: { deep: 1 } });
  await eventually('the message', () => heard.length === 1);
  t.strictSame(heard, [{ name: 'x' }]);
});

t.test(
  'subscribe - a bad message is told with its subject, the reason and its first 200 bytes, and nothing else happens',
  async (t) => {
    const [a, b] = [await bus(), await bus()];
    const heard: unknown[] = [];
    a.subscribe('strict', greeting, (value) => heard.push(value));
    await a.flush();
    invalid.length = 0;
    const bad = [
      '{',
      'null',
      '[]',
      '{"name":7}',
      `{"name":"${'x'.repeat(5_000)}"}`,
      '{"name":"'.padEnd(900_000, '['),
      '['.repeat(200_000),
    ];
    for (const text of bad) b.connection.publish('strict', text);
    b.publish('strict', { name: 'good' });
    await eventually('the good one', () => heard.length === 1);
    t.equal(invalid.length, bad.length);
    t.match(invalid[3], { subject: 'strict', reason: /name: / });
    t.strictSame(
      invalid.map(({ head }) => head),
      bad.map((text) => text.slice(0, 200)),
    );
    t.same(errors, []);
  },
);

t.test('subscribe - a handler that fails is told and the subscription goes on', async (t) => {
  const a = await bus();
  let calls = 0;
  a.subscribe('fail', greeting, () => {
    calls++;
    throw new Error('broken');
  });
  await a.flush();
  a.publish('fail', { name: '1' });
  a.publish('fail', { name: '2' });
  await eventually('both', () => calls === 2);
  t.same(errors.splice(0), ['fail broken', 'fail broken']);
});

t.test('request - the answer is checked too', async (t) => {
  const [a, b] = [await bus(), await bus()];
  a.serve('echo', greeting, async (value) => ({ answer: value.name }));
  await a.flush();
  const reply = z.object({ answer: z.string() });
  t.strictSame(await b.request('echo', { name: 'x' }, reply, asking), { answer: 'x' });
  await t.rejects(b.request('echo', { name: 'x' }, z.object({ answer: z.number() }), asking), {
    code: 'HARBOR_MESSAGE_INVALID',
  });
});

t.test('request - an error travels back under its code', async (t) => {
  const [a, b] = [await bus(), await bus()];
  a.serve('refuse', greeting, async () => {
    throw new HarborError('HARBOR_PORT_TAKEN', 'port 1 is taken');
  });
  await a.flush();
  await t.rejects(b.request('refuse', { name: 'x' }, z.unknown(), asking), {
    code: 'HARBOR_PORT_TAKEN',
    message: 'port 1 is taken',
  });
  await t.rejects(b.request('refuse', { name: 7 }, z.unknown(), asking), { code: 'HARBOR_MESSAGE_INVALID' });
  const unreadable = await b.connection.request('refuse', '{', { timeout: 10_000 });
  t.match(unreadable.json(), { harbor_error: { code: 'HARBOR_MESSAGE_INVALID' } }, 'what is no JSON, too');
  errors.length = 0;
});

t.test('request - nobody there, or nobody answers, is the error the asker chose', async (t) => {
  const [a, b] = [await bus(), await bus()];
  await t.rejects(b.request('nobody', {}, z.unknown(), asking), { code: 'HARBOR_NODE_UNAVAILABLE' });
  a.subscribe('silent', z.unknown(), () => undefined);
  await a.flush();
  await t.rejects(b.request('silent', {}, z.unknown(), { ...asking, timeoutMs: 50 }), {
    code: 'HARBOR_NODE_UNAVAILABLE',
  });
});

t.test('outage - requests fail at once, and on return subscriptions are there again', async (t) => {
  const [a, b] = [await bus(), await bus()];
  const heard: unknown[] = [];
  a.subscribe('after', greeting, (value) => heard.push(value));
  await a.flush();
  outages.length = 0;
  await server.kill();
  await eventually('both to notice', () => !a.connected && !b.connected);
  await t.rejects(b.request('after', {}, z.unknown(), asking), { code: 'HARBOR_NATS_UNAVAILABLE' });
  await server.start();
  await eventually('both to be back', () => a.connected && b.connected);
  await a.flush();
  b.publish('after', { name: 'x' });
  await eventually('the message', () => heard.length === 1);
  t.ok(outages.includes('away') && outages.includes('back'));
});

t.test('open - a server that is not there is said with its address and without its password', async (t) => {
  const port = await freePort();
  const events = { onInvalid: () => undefined, onError: () => undefined };
  await t.rejects(
    Bus.open({ servers: [`nats://me:secret@127.0.0.1:${port}`], name: 'x', waitForServer: false, events }),
    { code: 'HARBOR_NATS_UNAVAILABLE', message: /^NATS at nats:\/\/127\.0\.0\.1:\d+ does not answer/ },
  );
});
