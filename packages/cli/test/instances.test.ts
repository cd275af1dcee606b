import { ManualClock } from '@harbor/core';
import { systemClock, systemRandom } from '@harbor/machine';
import { eventually, freePort } from '@harbor/testbed';
import { existsSync } from 'node:fs';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import t from 'tap';
import { SharedBerths } from '../src/dea/berth.js';
import { InstancePorts } from '../src/dea/instance-ports.js';
import { Instance } from '../src/dea/instance.js';
import { acceptsTcp, whenReady } from '../src/dea/readiness.js';

t.test("instances - get ports of their own, never one of Harbor's range and never one in use", async (t) => {
  // Draws 20000, 20000 again, then 20001 and so on.
  const drawing = (): InstancePorts => {
    let drawn = 0;
    const random = (): number => Math.max(0, drawn++ - 1) / 12_001;
    return new InstancePorts({ low: 20_000, high: 20_003 }, random);
  };
  const ports = drawing();
  const first = await ports.take();
  const second = await ports.take();
  t.ok(first >= 20_004, 'outside the range');
  t.ok(second > first, 'no number twice');
  const held = createServer().listen(first, '0.0.0.0');
  t.teardown(() => held.close());
  // Should somebody else have taken it since, it is in use all the same.
  held.on('error', () => undefined);
  await Promise.race([once(held, 'listening'), once(held, 'error')]);
  t.ok((await drawing().take()) > first, 'none in use');
});

t.test('instances - an answer is noticed once, and waited for no longer than wanted', async (t) => {
  const port = await freePort();
  let answers = 0;
  const time = { clock: systemClock, random: systemRandom };
  const look = (): Promise<boolean> => acceptsTcp({ host: '127.0.0.1', port });
  const end = whenReady(look, time, () => answers++);
  const server = createServer((socket) => socket.destroy()).listen(port, '127.0.0.1');
  t.teardown(() => server.close());
  await eventually('the answer', () => answers === 1);
  end();

  const clock = new ManualClock();
  let found = false;
  const heard = { one: 0, ended: 0, meanwhile: 0 };
  const watch = (name: keyof typeof heard): (() => void) =>
    whenReady(
      () => Promise.resolve(found),
      { clock, random: () => 0 },
      () => heard[name]++,
    );
  const ends = { one: watch('one'), ended: watch('ended'), meanwhile: watch('meanwhile') };
  await new Promise(setImmediate);
  ends.ended();
  found = true;
  clock.advance(20);
  ends.meanwhile();
  for (let look = 0; look < 10; look++) {
    await new Promise(setImmediate);
    clock.advance(1_000);
  }
  t.strictSame(heard, { one: 1, ended: 0, meanwhile: 0 }, 'also where it was ended during a look');
  t.equal(clock.pending, 0);
});

t.test('instances - a UDP port is ready when it is bound, or when nobody can tell any more', async (t) => {
  const port = await freePort();
  const berth = await new SharedBerths(new InstancePorts({ low: 1, high: 2 }, systemRandom)).take([], true);
  t.type(berth.httpPort, 'number');
  t.notOk(berth.holdsUdp(port, process.pid));
  const socket = createSocket('udp4').bind(port);
  t.teardown(() => socket.close());
  await eventually('the port to be bound', () => berth.holdsUdp(port, process.pid));

  const clock = new ManualClock();
  let ready = 0;
  const never = (): Promise<boolean> => Promise.resolve(false);
  whenReady(never, { clock, random: () => 0, atMost: 2_000 }, () => ready++);
  await eventually('it to be given up waiting for', () => {
    clock.advance(100);
    return ready === 1;
  });
  t.ok(clock.now() >= 2_000);
});

t.test('instances - end with all they started', async (t) => {
  const lines: string[] = [];
  let how = '';
  const script = 'sleep 1000 & echo child $!; trap "" TERM; echo ready; while :; do sleep 0.05; done';
  const instance = new Instance(
    ['sh', '-c', script],
    { env: process.env },
    {
      onLine: (line) => lines.push(line),
      onExit: (reason) => (how = reason),
    },
  );
  await eventually('it to be ready', () => lines.includes('ready'));
  const child = lines.find((line) => line.startsWith('child'))?.slice(6) ?? '';
  t.ok(existsSync(`/proc/${child}`));
  await instance.stop(50);
  t.equal(how, 'ended by SIGKILL', 'one that does not listen is made to');
  await eventually('what it started to end', () => !existsSync(`/proc/${child}`));
});
