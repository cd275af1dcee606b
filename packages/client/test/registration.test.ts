import { eventually, freePort, startNats, type TestServer } from '@harbor/testbed';
import { connect } from 'nats';
import t from 'tap';
import { HarborClientError, registerBackend, type BackendEvent } from '../src/index.js';
import { ListeningNode } from './support.js';

let server: TestServer;
let node: ListeningNode;
const at = { service: 'service-1', host: '127.0.0.1', port: 4100 };

t.before(async () => {
  server = await startNats();
  t.teardown(() => server.stop());
  node = await ListeningNode.start(t, server.url);
});

t.test('register - it is said at once, and taken back at the close', async (t) => {
  const registration = await registerBackend({ nats: server.url, instance: 'one', app: 'demo', ...at });
  await node.nats.flush();
  t.match(node.of('register', 'one')[0], { ...at, app: 'demo', instance: 'one' });
  t.strictSame(node.of('unregister', 'one'), []);
  await Promise.all([registration.close(), registration.close()]);
  await registration.closed;
  await node.nats.flush();
  t.strictSame(node.of('unregister', 'one'), [registration.message], 'once, and the same');
});

t.test('register - a node that starts hears everything anew', async (t) => {
  const registration = await registerBackend({ nats: server.url, instance: 'anew', ...at });
  t.teardown(() => registration.close());
  await eventually('the answer to the greeting', () => node.of('register', 'anew').length === 2);
  await node.greet();
  await eventually('the registration anew', () => node.of('register', 'anew').length === 3);
});

t.test('register - it is renewed by itself', async (t) => {
  node.seconds = 1;
  t.teardown(() => (node.seconds = 20));
  const registration = await registerBackend({ nats: server.url, instance: 'renewed', ...at });
  t.teardown(() => registration.close());
  await eventually('two renewals', () => node.of('register', 'renewed').length >= 4);
  t.equal(registration.interval, 1);
});

t.test('register - after a return of NATS everything is said anew', async (t) => {
  const events: string[] = [];
  const onEvent = (event: BackendEvent): unknown =>
    events.push(event.type === 'registered' ? event.because : event.type);
  const registration = await registerBackend({ nats: server.url, instance: 'back', ...at, onEvent });
  t.teardown(() => registration.close());
  await server.kill();
  await eventually('the outage', () => events.includes('disconnected'));
  const before = node.of('register', 'back').length;
  await server.start();
  await eventually('it to be said', () => events.includes('reconnect'));
  // The node may be back last, and hear of it with the next renewal only.
  const renewed = () => node.of('register', 'back').length > before;
  await eventually('the registration anew', renewed, 60_000);
});

t.test('register - a close while NATS is away does not wait for it', async (t) => {
  const away = await startNats();
  t.teardown(() => away.stop());
  const registration = await registerBackend({ nats: away.url, ...at });
  await away.kill();
  await registration.close();
  await registration.closed;
  t.pass();
});

t.test('register - a connection that is given is used and left open', async (t) => {
  const nats = await connect({ servers: server.url });
  t.teardown(() => nats.close());
  const registration = await registerBackend({ nats, instance: 'given', ...at });
  await registration.close();
  t.equal(nats.isClosed(), false);
  await node.nats.flush();
  t.equal(node.of('unregister', 'given').length, 1);
});

t.test('register - the owner of the connection may close it', async (t) => {
  const nats = await connect({ servers: server.url });
  const events: BackendEvent[] = [];
  const registration = await registerBackend({ nats, ...at, onEvent: (event) => events.push(event) });
  await nats.close();
  await registration.closed;
  const told = events.find((event) => event.type === 'error');
  t.match(told, { error: { code: 'HARBOR_CLIENT_NATS_CLOSED' } });
  await registration.close();
  await t.rejects(registerBackend({ nats, ...at }), { code: 'HARBOR_CLIENT_NATS_CLOSED' });
});

t.test('register - an AbortSignal closes it', async (t) => {
  const abort = new AbortController();
  const { signal } = abort;
  const registration = await registerBackend({ nats: server.url, instance: 'aborted', ...at, signal });
  abort.abort();
  await registration.closed;
  await node.nats.flush();
  t.equal(node.of('unregister', 'aborted').length, 1);
});

t.test('register - aborted before it begins, it says nothing', async (t) => {
  const signal = AbortSignal.abort(new Error('changed my mind'));
  const wanted = { code: 'HARBOR_CLIENT_ABORTED', cause: { message: 'changed my mind' } };
  await t.rejects(registerBackend({ nats: server.url, instance: 'never', ...at, signal }), wanted);
  await node.nats.flush();
  t.strictSame(node.of('register', 'never'), []);
});

t.test('register - aborted while it waits for a server, it ends', async (t) => {
  const abort = new AbortController();
  const nats = {
    servers: `127.0.0.1:${await freePort()}`,
    waitOnFirstConnect: true,
    maxReconnectAttempts: -1,
  };
  const waiting = registerBackend({ nats, ...at, signal: abort.signal });
  abort.abort();
  await t.rejects(waiting, { code: 'HARBOR_CLIENT_ABORTED' });
});

t.test('register - nobody there is an error that says where', async (t) => {
  const port = await freePort();
  const asked = registerBackend({ nats: `nats://me:secret@127.0.0.1:${port}`, ...at });
  const error = await asked.then(
    () => undefined,
    (thrown: unknown) => thrown as HarborClientError,
  );
  t.ok(error instanceof HarborClientError);
  t.equal(error?.code, 'HARBOR_CLIENT_NATS_UNAVAILABLE');
  t.match(error?.message, `127.0.0.1:${port}`);
  t.notMatch(error?.message, 'secret');
});

t.test('register - it waits for a server where it is told to', async (t) => {
  const late = await startNats();
  t.teardown(() => late.stop());
  await late.kill();
  const nats = { servers: `127.0.0.1:${late.port}`, waitOnFirstConnect: true, reconnectTimeWait: 50 };
  const waiting = registerBackend({ nats, ...at });
  await late.start();
  const registration = await waiting;
  await registration.close();
  t.pass();
});
