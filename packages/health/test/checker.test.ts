import { ManualClock, type Backend } from '@harbor/core';
import { eventually, freePort } from '@harbor/testbed';
import { once } from 'node:events';
import { createServer } from 'node:net';
import t from 'tap';
import { HealthChecker, tcpProbe } from '../src/index.js';

function backend(port: number, more: Partial<Backend> = {}): Backend {
  const base = {
    service: 's',
    transport: 'tcp',
    host: '127.0.0.1',
    dea: 'd',
    app: 'a',
    instance: 'i',
  } as const;
  return { ...base, port, order: 1, since: 0, ...more };
}

function checkerWith(answers: Map<number, string | undefined>) {
  const clock = new ManualClock();
  const asked: number[] = [];
  const changes: [number, string | undefined][] = [];
  const checker = new HealthChecker({
    probe: ({ port }) => {
      asked.push(port);
      return Promise.resolve(answers.get(port));
    },
    everyMs: 5_000,
    againMs: 1_000,
    clock,
    random: () => 0.5,
    onChange: ({ port }, failure) => changes.push([port, failure]),
  });
  const turn = async (ms: number): Promise<void> => {
    clock.advance(ms);
    await new Promise(setImmediate);
  };
  return { checker, asked, changes, turn, clock };
}

t.test('health - a backend counts as alive until it fails, and again once it answers', async (t) => {
  const answers = new Map<number, string | undefined>();
  const { checker, asked, changes, turn } = checkerWith(answers);
  checker.watch(backend(1));
  t.ok(checker.alive(backend(1)));
  await turn(4_999);
  t.strictSame(asked, []);
  answers.set(1, 'ECONNREFUSED');
  await turn(1);
  t.notOk(checker.alive(backend(1)));
  t.equal(checker.failure(backend(1)), 'ECONNREFUSED');
  await turn(1_000);
  t.equal(asked.length, 2, 'one that fails is tried again sooner');
  answers.delete(1);
  await turn(1_000);
  t.ok(checker.alive(backend(1)));
  t.strictSame(
    changes,
    [
      [1, 'ECONNREFUSED'],
      [1, undefined],
    ],
    'only changes are told',
  );
});

t.test('health - one that may have failed is tried at once, and then in its turn', async (t) => {
  const answers = new Map<number, string | undefined>();
  const { checker, asked, turn, clock } = checkerWith(answers);
  checker.watch(backend(1));
  checker.check(backend(1));
  await turn(0);
  t.strictSame(asked, [1]);
  t.ok(checker.alive(backend(1)), 'it answers');
  answers.set(1, 'ECONNREFUSED');
  checker.check(backend(1));
  await turn(0);
  t.notOk(checker.alive(backend(1)));
  checker.check(backend(1));
  checker.check(backend(2));
  await turn(0);
  t.strictSame(asked, [1, 1], 'what is known to fail, or not looked after, has no turn of its own');
  t.equal(clock.pending, 1);
  checker.close();
});

t.test('health - what somebody else saw fail is down at once', async (t) => {
  const { checker, changes, turn } = checkerWith(new Map());
  checker.watch(backend(1));
  checker.failed(backend(1), 'ECONNREFUSED');
  t.notOk(checker.alive(backend(1)));
  await turn(1_000);
  t.ok(checker.alive(backend(1)));
  t.equal(changes.length, 2);
});

t.test(
  'health - a new instance at the same address begins anew; one forgotten is asked no more',
  async (t) => {
    const { checker, asked, turn, clock } = checkerWith(new Map([[1, 'ETIMEDOUT']]));
    checker.watch(backend(1));
    await turn(5_000);
    t.notOk(checker.alive(backend(1)));
    checker.watch(backend(1));
    t.notOk(checker.alive(backend(1)), 'the same one stays as it was');
    checker.watch(backend(1, { instance: 'another' }));
    t.ok(checker.alive(backend(1, { instance: 'another' })));
    checker.forget(backend(1));
    await turn(60_000);
    t.equal(asked.length, 1);
    checker.close();
    t.equal(clock.pending, 0);
  },
);

t.test('health - thousands are no burst: each has a moment of its own', (t) => {
  const clock = new ManualClock();
  let seed = 0;
  const random = (): number => (seed = (seed * 16_807 + 11) % 2_147_483_647) / 2_147_483_647;
  let inThisTenth = 0;
  const checker = new HealthChecker({
    probe: () => {
      inThisTenth++;
      return Promise.resolve(undefined);
    },
    everyMs: 5_000,
    againMs: 1_000,
    clock,
    random,
    onChange: () => undefined,
  });
  for (let port = 1; port <= 1_000; port++) checker.watch(backend(port));
  for (let tenth = 0; tenth < 75; tenth++) {
    inThisTenth = 0;
    clock.advance(100);
    t.ok(inThisTenth < 60, `${inThisTenth} in one tenth of a second`);
  }
  checker.close();
  t.end();
});

t.test('health - a TCP backend is tried by connecting, a UDP one cannot be', async (t) => {
  const port = await freePort();
  const probe = tcpProbe(() => 30_000);
  t.equal(await probe(backend(port)), 'ECONNREFUSED');
  const server = createServer().listen(port, '127.0.0.1');
  await once(server, 'listening');
  t.equal(await probe(backend(port)), undefined);
  server.close();
  await eventually('the port to be closed', async () => (await probe(backend(port))) === 'ECONNREFUSED');
  t.equal(await probe(backend(port, { transport: 'udp' })), undefined);
});

t.test('health - a pause of this process is no silence of the backend', async (t) => {
  const port = await freePort();
  const server = createServer().listen(port, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const answer = tcpProbe(() => 50)(backend(port));
  // Begun, and then this process stands still for longer than the probe may take.
  await new Promise<void>((begun) => process.nextTick(begun));
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
  t.equal(await answer, undefined);
});
