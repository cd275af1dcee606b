import fc from 'fast-check';
import { createCipheriv, createHash } from 'node:crypto';
import t from 'tap';
import { startRelay, type Rig } from './support/rig.js';
import { dial, echo, listen, type Peer, type TcpBackend } from './support/tcp.js';

const MEGABYTE = 1_024 * 1_024;

/** Bytes without a pattern, the same for the same seed. */
function bytes(size: number, seed: number): Buffer {
  return createCipheriv('aes-128-ctr', Buffer.alloc(16, seed), Buffer.alloc(16)).update(Buffer.alloc(size));
}

function digest(data: Buffer): string {
  return `${data.length} ${createHash('sha256').update(data).digest('hex')}`;
}

/** A client and the backend's side of its connection. */
async function connection(rig: Rig, backend: TcpBackend): Promise<{ client: Peer; server: Peer }> {
  const accepted = backend.next();
  const client = dial(rig.port);
  return { client, server: await accepted };
}

async function oneBackend(t: Parameters<typeof startRelay>[0], serve?: (peer: Peer) => void) {
  const rig = await startRelay(t, 'tcp');
  const only = await listen(t, 0, serve);
  await rig.route([only.backend]);
  return { rig, only };
}

t.test('half-close - a client that has said all still gets its answer', async (t) => {
  const { rig, only } = await oneBackend(t);
  const { client, server } = await connection(rig, only);
  client.socket.end('question');
  t.equal((await server.ended).toString(), 'question');
  t.equal(server.socket.readyState, 'writeOnly');
  await new Promise<void>((resolve) => {
    server.socket.write('answer', () => resolve());
  });
  await client.saw('answer');
  t.equal(client.socket.readyState, 'readOnly', 'the way back stays open');
  server.socket.end(' and more');
  t.equal((await client.ended).toString(), 'answer and more');
  t.strictSame(await Promise.all([client.closed, server.closed]), ['end', 'end']);
});

t.test('half-close - a backend that has said all still hears the client', async (t) => {
  const { rig, only } = await oneBackend(t);
  const { client, server } = await connection(rig, only);
  server.socket.end('greeting');
  t.equal((await client.ended).toString(), 'greeting');
  client.socket.write('still ');
  await server.saw('still ');
  client.socket.end('here');
  t.equal((await server.ended).toString(), 'still here');
  t.strictSame(await Promise.all([client.closed, server.closed]), ['end', 'end']);
});

t.test('bytes and their order are kept in both directions at once', async (t) => {
  const { rig, only } = await oneBackend(t);
  const { client, server } = await connection(rig, only);
  const [up, down] = [bytes(6 * MEGABYTE, 1), bytes(7 * MEGABYTE, 2)];
  client.socket.end(up);
  server.socket.end(down);
  const [atServer, atClient] = await Promise.all([server.ended, client.ended]);
  t.equal(digest(atServer), digest(up));
  t.equal(digest(atClient), digest(down));
  await Promise.all([client.closed, server.closed]);
  t.match(rig.stats(), { bytesIn: up.length, bytesOut: down.length });
});

t.test('connections that move much and little at once keep their bytes apart', async (t) => {
  const { rig } = await oneBackend(t, echo);
  const sizes = Array.from({ length: 24 }, (_, at) => (at % 3 === 0 ? 3 * MEGABYTE : 100 + at));
  await Promise.all(
    sizes.map(async (size, at) => {
      const client = dial(rig.port);
      const sent = bytes(size, at);
      // Now and then one does not read for a while.
      if (at % 6 === 0) client.socket.pause();
      client.socket.end(sent, () => client.socket.resume());
      setImmediate(() => client.socket.resume());
      t.equal(digest(await client.ended), digest(sent), `connection ${at}`);
    }),
  );
});

t.test('bytes are kept however they are cut into writes', async (t) => {
  const { rig } = await oneBackend(t, echo);
  const cuts = fc.array(fc.integer({ min: 1, max: 70_000 }), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(cuts, fc.integer({ min: 0, max: 255 }), async (sizes, seed) => {
      const client = dial(rig.port);
      const chunks = sizes.map((size, at) => bytes(size, (seed + at) % 256));
      for (const chunk of chunks) client.socket.write(chunk);
      client.socket.end();
      t.equal(digest(await client.ended), digest(Buffer.concat(chunks)));
      t.equal(await client.closed, 'end');
    }),
    { numRuns: 25 },
  );
});

t.test('nothing is cut at a close: who sends and ends at once is heard to the end', async (t) => {
  const sent = bytes(5 * MEGABYTE, 3);
  const { rig, only } = await oneBackend(t);
  const up = await connection(rig, only);
  up.client.socket.end(sent, () => up.client.socket.destroySoon());
  t.equal(digest(await up.server.ended), digest(sent), 'the client');
  up.server.socket.end();
  const down = await connection(rig, only);
  down.server.socket.end(sent, () => down.server.socket.destroySoon());
  t.equal(digest(await down.client.ended), digest(sent), 'the backend');
  down.client.socket.end();
  t.equal(await down.client.closed, 'end');
});

t.test('a side that does not read holds the other back, and loses nothing', async (t) => {
  const sent = bytes(32 * MEGABYTE, 4);
  const { rig, only } = await oneBackend(t);
  const { client, server } = await connection(rig, only);
  client.socket.pause();
  server.socket.write(sent.subarray(0, MEGABYTE));
  const all = new Promise<void>((resolve) => server.socket.end(sent.subarray(MEGABYTE), resolve));
  // As much again by each of two others: by then the relay would have swallowed the first.
  for (let time = 0; time < 2; time++) {
    const other = await connection(rig, only);
    other.server.socket.end(sent);
    t.equal(digest(await other.client.ended), digest(sent), 'others go on');
    other.client.socket.end();
  }
  const taken = rig.stats().bytesOut - 2 * sent.length;
  t.ok(taken < sent.length / 2, `the relay has not swallowed it: ${taken} bytes`);
  client.socket.resume();
  t.equal(digest(await client.ended), digest(sent));
  await all;
});

t.test('a reset passes as a reset, never as an orderly end', async (t) => {
  const { rig, only } = await oneBackend(t);
  const first = await connection(rig, only);
  first.client.socket.resetAndDestroy();
  t.equal(await first.server.closed, 'ECONNRESET', 'from the client');
  const second = await connection(rig, only);
  second.server.socket.resetAndDestroy();
  t.equal(await second.client.closed, 'ECONNRESET', 'from the backend');
  t.match(rig.stats(), { connectionsOpen: 0, connectionsTotal: 2 });
});
