import t from 'tap';
import { ASK_EVERY, UNREACHABLE_AFTER } from '../src/nodes/presence.js';
import { credentialsFor, instanceRecord, memoryGateway } from './support/fixture.js';

type All = ReturnType<typeof memoryGateway>;

/** Turns the clock ask by ask, as it runs. */
function pass({ clock }: All, ms: number): void {
  for (let passed = 0; passed < ms; passed += ASK_EVERY) clock.advance(ASK_EVERY);
}

async function stateOf({ call }: All, id = 'n1'): Promise<object | undefined> {
  const { json } = await call('GET', '/api/v1/nodes');
  return (json.nodes as { id: string }[]).find((node) => node.id === id);
}

/** A service on a node, as provisioning leaves it. */
function place({ state }: All, id: string, node: string): void {
  const value = instanceRecord(id, { state: 'ready', node, credentials: credentialsFor(id, 35_009, node) });
  state.write([{ kind: 'instance', id, value }]);
}

t.test('presence - a node that misses what it is asked is unreachable, until it answers', async (t) => {
  const all = memoryGateway();
  place(all, 'web', 'n1');
  const services = async () => (await all.call('GET', '/api/v1/services')).json.services;
  t.match(await stateOf(all), { state: 'up', unreachable_since: null });
  pass(all, UNREACHABLE_AFTER + ASK_EVERY);
  t.match(await stateOf(all), { state: 'unreachable', unreachable_since: String, ports_free: null });
  t.match(await services(), [{ unreachable_since: String }]);
  all.announce();
  t.match(await stateOf(all), { state: 'up', unreachable_since: null });
  t.match(await services(), [{ unreachable_since: undefined }]);
});

t.test('presence - while NATS is away nothing is said of any node', async (t) => {
  const all = memoryGateway();
  all.bus.connected = false;
  pass(all, 10 * UNREACHABLE_AFTER);
  t.match(await stateOf(all), { state: 'up' });
  all.bus.connected = true;
  pass(all, ASK_EVERY);
  t.match(await stateOf(all), { state: 'up' }, 'it has time to answer');
  pass(all, UNREACHABLE_AFTER + ASK_EVERY);
  t.match(await stateOf(all), { state: 'unreachable' });
});

t.test('presence - a node that died before the gateway started is known by what is stored', async (t) => {
  const all = memoryGateway();
  all.state.write([
    { kind: 'node', id: 'n9', value: { id: 'n9', host: '10.0.0.9', unreachableSince: 1_000 } },
  ]);
  const since = new Date(1_000).toISOString();
  const shown = { address: '10.0.0.9', state: 'unreachable', unreachable_since: since };
  t.match(await stateOf(all, 'n9'), shown);
  pass(all, UNREACHABLE_AFTER + ASK_EVERY);
  t.match(await stateOf(all, 'n9'), shown, 'and since when');
});

t.test('presence - one that was removed is shown no more, unless it has services', async (t) => {
  const all = memoryGateway();
  pass(all, UNREACHABLE_AFTER + ASK_EVERY);
  t.match(await stateOf(all), { state: 'unreachable' });
  all.state.write([{ kind: 'node', id: 'n1', value: undefined }]);
  pass(all, ASK_EVERY);
  t.equal(await stateOf(all), undefined);
  place(all, 'web', 'n1');
  pass(all, UNREACHABLE_AFTER + ASK_EVERY);
  t.match(await stateOf(all), { state: 'unreachable' });
});
