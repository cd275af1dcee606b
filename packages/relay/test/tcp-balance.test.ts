import { eventually } from '@harbor/testbed';
import fc from 'fast-check';
import t from 'tap';
import { startRelay } from './support/rig.js';
import { dial, echo, listen, nameIt, refusing, silent } from './support/tcp.js';

async function whoServes(port: number, host?: string): Promise<string> {
  const answer = await dial(port, host).ended;
  return answer.toString();
}

t.test('round-robin - N backends and N·k connections one after another give each backend k', async (t) => {
  const rig = await startRelay(t, 'tcp');
  const all = await Promise.all([0, 1, 2, 3, 4].map((index) => listen(t, index, nameIt(index))));
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 4 }), async (n, k) => {
      await rig.route(all.slice(0, n).map(({ backend }) => backend));
      const served = new Map<string, number>();
      for (let turn = 0; turn < n * k; turn++) {
        const name = await whoServes(rig.port);
        served.set(name, (served.get(name) ?? 0) + 1);
      }
      t.strictSame(
        [...served].sort(),
        Array.from({ length: n }, (_, index) => [`i${index}`, k]),
      );
    }),
    { numRuns: 30 },
  );
});

t.test('round-robin - connections made at once are shared as exactly', async (t) => {
  const rig = await startRelay(t, 'tcp');
  const backends = await Promise.all([0, 1, 2, 3].map((index) => listen(t, index, nameIt(index))));
  await rig.route(backends.map(({ backend }) => backend));
  await Promise.all(Array.from({ length: 100 }, () => dial(rig.port).ended));
  t.strictSame(
    backends.map(({ peers }) => peers.length),
    [25, 25, 25, 25],
  );
});

t.test('a backend that refuses is skipped before the client sees anything', async (t) => {
  const rig = await startRelay(t, 'tcp');
  const [first, last] = await Promise.all([listen(t, 0, nameIt(0)), listen(t, 2, nameIt(2))]);
  await rig.route([first.backend, await refusing(1), last.backend]);
  const served = [];
  for (let turn = 0; turn < 6; turn++) served.push(await whoServes(rig.port));
  t.strictSame(served, ['i0', 'i2', 'i0', 'i2', 'i0', 'i2']);
  t.strictSame([...new Set(rig.told)], [`listening tcp/${rig.port}`, 'i1 ECONNREFUSED']);
});

t.test('what a client sends before a backend is found reaches the one that is', async (t) => {
  const rig = await startRelay(t, 'tcp');
  const last = await listen(t, 2, echo);
  await rig.route([await refusing(0), await refusing(1), last.backend]);
  const client = dial(rig.port);
  client.socket.end('sent at once');
  t.equal((await client.ended).toString(), 'sent at once');
  t.equal(await client.closed, 'end');
});

t.test('with no backend left the client is reset at once, and each was tried once', async (t) => {
  const rig = await startRelay(t, 'tcp');
  await rig.route([await refusing(0), await refusing(1)]);
  t.equal(await dial(rig.port).closed, 'ECONNRESET');
  t.strictSame(rig.told.slice(1).sort(), ['i0 ECONNREFUSED', 'i1 ECONNREFUSED']);
  t.match(rig.stats().backends, [{ lastError: 'ECONNREFUSED' }, { lastError: 'ECONNREFUSED' }]);
});

t.test('a listener without any backend resets at once, and serves when one comes', async (t) => {
  const rig = await startRelay(t, 'tcp');
  await rig.route([]);
  t.equal(await dial(rig.port).closed, 'ECONNRESET');
  t.equal(await dial(rig.port, '::1').closed, 'ECONNRESET');
  const { backend } = await listen(t, 0, nameIt(0));
  await rig.route([backend]);
  t.equal(await whoServes(rig.port), 'i0');
});

t.test('a backend that times out is skipped, and asked last until it is trusted again', async (t) => {
  const rig = await startRelay(t, 'tcp', { connectTimeout: 5 });
  const [slow, good] = [await silent(t, 0), await listen(t, 1, nameIt(1))];
  await rig.route([slow, good.backend]);
  const client = dial(rig.port);
  await eventually('the attempt to be under way', () => rig.clock.pending === 1);
  rig.clock.advance(4_999);
  t.equal(good.peers.length, 0);
  rig.clock.advance(1);
  t.equal((await client.ended).toString(), 'i1');
  t.strictSame(rig.told.slice(1), ['i0 ETIMEDOUT']);
  t.equal(await whoServes(rig.port), 'i1', 'nobody waits for it a second time');
  t.match(rig.stats().backends[0], { lastError: 'ETIMEDOUT', suspectedUntil: rig.clock.now() + 1_000 });
});

t.test('a client whose only backend times out is reset at the end of connect_timeout', async (t) => {
  const rig = await startRelay(t, 'tcp', { connectTimeout: 2 });
  await rig.route([await silent(t, 0)]);
  const client = dial(rig.port);
  await eventually('the attempt to be under way', () => rig.clock.pending === 1);
  rig.clock.advance(2_000);
  t.equal(await client.closed, 'ECONNRESET');
  t.equal(rig.stats().connectionsOpen, 0);
});

t.test('closing the relay does not wait for a backend that has not answered', async (t) => {
  const rig = await startRelay(t, 'tcp');
  await rig.route([await silent(t, 0)]);
  const client = dial(rig.port);
  await eventually('the attempt to be under way', () => rig.clock.pending === 1);
  await rig.relay.close();
  t.equal(await client.closed, 'ECONNRESET');
  await eventually('nothing of it to be left', () => rig.clock.pending === 0);
});

t.test('IPv6 - clients and backends of either family meet', async (t) => {
  const rig = await startRelay(t, 'tcp');
  const four = await listen(t, 4, nameIt(4));
  const six = await listen(t, 6, nameIt(6), '::1');
  await rig.route([four.backend, six.backend]);
  t.strictSame([await whoServes(rig.port), await whoServes(rig.port)], ['i4', 'i6']);
  t.strictSame([await whoServes(rig.port, '::1'), await whoServes(rig.port, '::1')], ['i4', 'i6']);
});
