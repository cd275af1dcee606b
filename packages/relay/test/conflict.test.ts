import { routeKey, type Transport } from '@harbor/core';
import { eventually, freePort } from '@harbor/testbed';
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import t, { type Test } from 'tap';
import { startRelay, type Rig } from './support/rig.js';
import { dial, listen, nameIt } from './support/tcp.js';
import { answering, UdpClient } from './support/udp.js';

/** A socket of somebody else on the port; gives it back when called. */
async function foreign(t: Test, transport: Transport, port: number, host: string) {
  const release =
    transport === 'tcp'
      ? await new Promise<() => Promise<void>>((resolve) => {
          const server = createServer().listen(port, host, () => {
            resolve(() => new Promise((done) => server.close(() => done())));
          });
        })
      : await new Promise<() => Promise<void>>((resolve) => {
          const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
          socket.bind(port, host, () => {
            resolve(() => new Promise((done) => socket.close(() => done())));
          });
        });
  let held = true;
  const once = async (): Promise<void> => {
    if (held) await release();
    held = false;
  };
  t.teardown(once);
  return once;
}

/** What a client of the port is answered. */
async function answer(t: Test, transport: Transport, port: number): Promise<string> {
  if (transport === 'tcp') return (await dial(port).ended).toString();
  return (await (await UdpClient.open(t)).ask(port, '')).toString().trim();
}

async function backendOf(t: Test, transport: Transport) {
  return (await (transport === 'tcp' ? listen(t, 0, nameIt(0)) : answering(t, 0))).backend;
}

function untilListening(rig: Rig): Promise<true> {
  return eventually('the port to listen', () => rig.stats().listening);
}

for (const transport of ['tcp', 'udp'] as const) {
  for (const host of ['127.0.0.1', '0.0.0.0', '::1']) {
    t.test(`${transport} - a port held at ${host} is a conflict and affects only that port`, async (t) => {
      const rig = await startRelay(t, transport);
      const [other, backend] = [await freePort(), await backendOf(t, transport)];
      await foreign(t, transport, rig.port, host);
      await rig.route([backend], {}, other);
      await rig.route([backend]);
      t.match(rig.conflicts, [{ port: rig.port, transport, service: `s${rig.port}` }]);
      t.match(rig.conflicts[0]!.error, { code: 'EADDRINUSE' });
      t.strictSame(rig.told, [
        `listening ${routeKey(transport, other)}`,
        `conflict ${routeKey(transport, rig.port)}`,
      ]);
      t.match(rig.stats(), { listening: false, connectionsOpen: 0 });
      t.equal(await answer(t, transport, other), 'i0');
    });
  }

  t.test(`${transport} - a conflict is retried with back-off and resolves by itself`, async (t) => {
    const rig = await startRelay(t, transport);
    const [release, backend] = [
      await foreign(t, transport, rig.port, '127.0.0.1'),
      await backendOf(t, transport),
    ];
    await rig.route([backend]);
    for (const [turn, wait] of [250, 500, 1_000].entries()) {
      rig.clock.advance(wait - 1);
      t.equal(rig.conflicts.length, turn + 1, 'not before its time');
      rig.clock.advance(1);
      await eventually('it to be tried again', () => rig.conflicts.length === turn + 2);
    }
    await release();
    rig.clock.advance(2_000);
    await untilListening(rig);
    t.equal(rig.told.at(-1), `resolved ${routeKey(transport, rig.port)}`);
    t.equal(await answer(t, transport, rig.port), 'i0');
  });

  t.test(`${transport} - a conflict is retried at once when its service asks`, async (t) => {
    const rig = await startRelay(t, transport);
    const release = await foreign(t, transport, rig.port, '127.0.0.1');
    await rig.route([await backendOf(t, transport)]);
    await release();
    rig.relay.retry('another service');
    t.equal(rig.clock.pending, 1, 'for another one it goes on waiting');
    rig.relay.retry(`s${rig.port}`);
    await untilListening(rig);
    t.equal(rig.clock.pending, 0, 'no retry is left');
    t.equal(await answer(t, transport, rig.port), 'i0');
  });

  t.test(`${transport} - a port in conflict that is taken away is tried no more`, async (t) => {
    const rig = await startRelay(t, transport);
    const release = await foreign(t, transport, rig.port, '127.0.0.1');
    await rig.route([]);
    await rig.remove();
    await release();
    rig.clock.advance(60_000);
    t.strictSame([rig.clock.pending, rig.relay.keys()], [0, []]);
  });
}

t.test('TCP and UDP of one number are two ports: one in conflict leaves the other be', async (t) => {
  const rig = await startRelay(t, 'tcp');
  await foreign(t, 'udp', rig.port, '127.0.0.1');
  await rig.route([await backendOf(t, 'tcp')]);
  t.equal(await answer(t, 'tcp', rig.port), 'i0');
});

t.test('reserve - a port is held for its service, and handed over without a gap', async (t) => {
  const rig = await startRelay(t, 'tcp');
  t.strictSame(await rig.relay.reserve(rig.port, ['tcp', 'udp'], 1_000), { held: true });
  t.equal(await dial(rig.port).closed, 'ECONNRESET', 'nobody is served yet');
  await rig.route([await backendOf(t, 'tcp')]);
  t.equal(await answer(t, 'tcp', rig.port), 'i0');
  rig.clock.advance(1_000);
  t.equal(await answer(t, 'tcp', rig.port), 'i0', 'the end of the reservation does not matter any more');
});

t.test('reserve - all the transports or none, and given back when nobody comes', async (t) => {
  const rig = await startRelay(t, 'tcp');
  const release = await foreign(t, 'udp', rig.port, '127.0.0.1');
  t.match(await rig.relay.reserve(rig.port, ['tcp', 'udp'], 1_000), { held: false, transport: 'udp' });
  t.equal(await dial(rig.port).closed, 'ECONNREFUSED');
  await release();
  t.strictSame(await rig.relay.reserve(rig.port, ['tcp', 'udp'], 1_000), { held: true });
  rig.clock.advance(1_000);
  await eventually('it to be free', async () => (await dial(rig.port).closed) === 'ECONNREFUSED');
});

t.test('reserve - asked for twice at once a port is held once, and can be given back', async (t) => {
  const rig = await startRelay(t, 'tcp');
  const twice = [1, 2].map(() => rig.relay.reserve(rig.port, ['tcp', 'udp'], 1_000));
  t.strictSame(await Promise.all(twice), [{ held: true }, { held: true }]);
  await rig.relay.release(rig.port);
  t.equal(await dial(rig.port).closed, 'ECONNREFUSED');
  t.equal(rig.clock.pending, 0);
});
