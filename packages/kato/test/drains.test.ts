import { ManualClock } from '@harbor/core';
import { eventually, freePort, temporaryDirectory } from '@harbor/testbed';
import { appendFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { makeDrain } from '../src/drain/drain.js';
import { DrainsFile } from '../src/drain/drains-file.js';
import { Drains } from '../src/drain/drains.js';
import { listen, tcpReceiver } from './support/receivers.js';

function fixture(t: Test) {
  const directory = temporaryDirectory();
  const clock = new ManualClock();
  const file = new DrainsFile(directory.path);
  const { log, events } = listen();
  const drains = new Drains({ logs: directory.path, file, clock, random: () => 0, log });
  t.teardown(async () => {
    const closed = drains.close();
    clock.advance(1_000);
    await closed;
    directory.remove();
  });
  const path = (name: string): string => join(directory.path, `${name}.log`);
  /** Writes lines, and lets them be seen. */
  const write = (name: string, ...lines: string[]): void => {
    appendFileSync(path(name), lines.map((line) => `${line}\n`).join(''));
    clock.advance(200);
  };
  const of = (name: string) => drains.status().find((each) => each.name === name);
  return { clock, file, events, drains, path, write, of };
}

t.test('a drain gets what is logged from its beginning on, of the processes it names', async (t) => {
  const { file, drains, write } = fixture(t);
  const [all, node] = [await tcpReceiver(t), await tcpReceiver(t)];
  write('harbor_node', 'before');
  file.add(makeDrain('all', all.url, [], 'raw'));
  file.add(makeDrain('node', node.url, ['harbor_node'], 'raw'));
  drains.start();
  write('harbor_node', 'one');
  write('harbor_gateway', 'two');
  write('harbor_node', '', 'three');
  await eventually('all lines', () => all.lines.length === 3 && node.lines.length === 2);
  t.same(all.lines, ['one', 'two', 'three']);
  t.same(node.lines, ['one', 'three']);
});

t.test('lines of several logs are sent in the order of their times', async (t) => {
  const { file, drains, write, path } = fixture(t);
  const server = await tcpReceiver(t);
  file.add(makeDrain('all', server.url, [], 'raw'));
  drains.start();
  const at = (second: number): string => `{"time":"2026-11-21T05:12:0${second}.000Z","msg":"${second}"}`;
  appendFileSync(path('harbor_node'), `${at(2)}\n`);
  write('harbor_proxy_connector', at(1), at(3));
  await eventually('three', () => server.lines.length === 3);
  t.same(server.lines, [at(1), at(2), at(3)]);
});

t.test('a log is followed across its rotation', async (t) => {
  const { file, drains, write, path } = fixture(t);
  const server = await tcpReceiver(t);
  write('harbor_redis', 'before');
  file.add(makeDrain('all', server.url, [], 'raw'));
  drains.start();
  appendFileSync(path('harbor_redis'), 'last of the old\n');
  renameSync(path('harbor_redis'), `${path('harbor_redis')}.1`);
  write('harbor_redis', 'first of the new');
  await eventually('both', () => server.lines.length === 2);
  t.same(server.lines, ['last of the old', 'first of the new']);
});

t.test('a reload leaves the drains that stay as they are, begins new ones, ends the others', async (t) => {
  const { file, drains, write, of, path } = fixture(t);
  const [first, second, third] = [await tcpReceiver(t), await tcpReceiver(t), await tcpReceiver(t)];
  file.add(makeDrain('first', first.url, [], 'raw'));
  file.add(makeDrain('second', second.url, ['harbor_node'], 'raw'));
  drains.start();
  write('harbor_node', 'one');
  await eventually('one', () => first.lines.length === 1 && second.lines.length === 1);
  appendFileSync(path('harbor_node'), 'before the reload\n');
  file.delete('second');
  file.add(makeDrain('third', third.url, [], 'raw'));
  drains.reload();
  write('harbor_node', 'two');
  await eventually('the others', () => first.lines.length === 3 && third.lines.length === 1);
  t.same(first.lines, ['one', 'before the reload', 'two']);
  t.equal(first.connections(), 1, 'over the same connection');
  t.same(third.lines, ['two'], 'a new one begins with what is logged from then on');
  t.equal(of('second'), undefined);
  t.notOk(second.lines.includes('two'));
});

t.test('a drain of the same name that leads elsewhere is a new one', async (t) => {
  const { file, drains, write, of } = fixture(t);
  const [old, now] = [await tcpReceiver(t), await tcpReceiver(t)];
  file.add(makeDrain('a', old.url, [], 'raw'));
  drains.start();
  file.write([makeDrain('a', now.url, [], 'raw')]);
  drains.reload();
  write('kato', 'x');
  await eventually('x', () => now.lines.length === 1);
  t.equal(of('a')?.url, now.url);
  t.same(old.lines, []);
});

t.test('a drain whose server is down takes nothing from another', async (t) => {
  const { file, drains, write, of } = fixture(t);
  const server = await tcpReceiver(t);
  file.add(makeDrain('down', `tcp://127.0.0.1:${await freePort()}`, [], 'raw'));
  file.add(makeDrain('up', server.url, [], 'raw'));
  drains.start();
  write('kato', 'one');
  await eventually('one', () => server.lines.length === 1 && of('down')?.state === 'waiting');
  t.match(of('down'), { queued: 1, sent: 0, dropped: 0 });
  await eventually('it to be counted', () => of('up')?.sent === 1);
});

t.test('a broken file at a reload is an error, and everything goes on as it was', async (t) => {
  const { file, drains, write } = fixture(t);
  const server = await tcpReceiver(t);
  file.add(makeDrain('a', server.url, [], 'raw'));
  drains.start();
  writeFileSync(file.path, 'broken');
  t.throws(() => drains.reload(), { code: 'HARBOR_CONFIG_INVALID' });
  write('kato', 'still');
  await eventually('the line', () => server.lines.length === 1);
});

t.test('a broken file at the start is said in the log, and there are no drains', async (t) => {
  const { clock, file, drains, events } = fixture(t);
  writeFileSync(file.path, 'broken');
  drains.start();
  t.same(events, ['error drains_broken']);
  t.same(drains.status(), []);
  t.equal(clock.pending, 0, 'nothing is looked at for nobody');
});

t.test('the last lines are sent before it ends', async (t) => {
  const { file, drains, path, of } = fixture(t);
  const server = await tcpReceiver(t);
  file.add(makeDrain('a', server.url, [], 'raw'));
  drains.start();
  await eventually('to be connected', () => of('a')?.state === 'connected');
  appendFileSync(path('kato'), 'last\n');
  await drains.close();
  await eventually('the line', () => server.lines.length === 1);
});

t.test('a drain that takes nothing delays the end by a second at most', async (t) => {
  const directory = temporaryDirectory();
  t.teardown(() => directory.remove());
  const clock = new ManualClock();
  const file = new DrainsFile(directory.path);
  file.add(makeDrain('a', 'tcp://127.0.0.1:1', [], 'raw'));
  const drains = new Drains({
    logs: directory.path,
    file,
    clock,
    random: () => 0,
    log: listen().log,
    open: () =>
      Promise.resolve({
        atOnce: { lines: 1, bytes: 1 },
        send: () => new Promise(() => undefined),
        close: () => Promise.resolve(),
      }),
  });
  drains.start();
  await eventually('to be connected', () => drains.status()[0]?.state === 'connected');
  writeFileSync(join(directory.path, 'kato.log'), 'last\n');
  const closed = drains.close();
  clock.advance(1_000);
  await closed;
  t.same(drains.status(), []);
});
