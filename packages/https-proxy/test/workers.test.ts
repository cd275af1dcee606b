import { eventually, freePort, runCommand, startCommand } from '@harbor/testbed';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { once } from 'node:events';
import t, { type Test } from 'tap';
import { ask, closed, dial } from './support/clients.js';
import { appRoot, CA, Framework, PROGRAM, signed, startProxy } from './support/stage.js';

/** The proxy with two workers, both of which serve. */
async function startTwo(t: Test, ...flags: readonly string[]) {
  const framework = await Framework.start(t);
  const root = appRoot(t, { harbor: signed('localhost') });
  const proxy = await startProxy(t, root.path, framework.port, '--workers', '2', ...flags);
  const children = `/proc/${proxy.pid}/task/${proxy.pid}/children`;
  const workers = (): number[] => readFileSync(children, 'utf8').split(' ').filter(Boolean).map(Number);
  /** How many clients' connections each of them has. */
  const shares = async (): Promise<number[]> => {
    const { stdout } = await runCommand('ss', ['-Htnp', 'state', 'established', `sport = :${proxy.port}`]);
    return workers().map((pid) => stdout.split('\n').filter((line) => line.includes(`pid=${pid},`)).length);
  };
  /** A connection to each of them. */
  const pair = (): Promise<TLSSocket[]> =>
    eventually('both workers to serve', async () => {
      const two = [await dial(proxy.port), await dial(proxy.port)];
      if ((await shares()).join() === '1,1') return two;
      for (const socket of two) socket.destroy();
      return undefined;
    });
  const gone = (): Promise<true> =>
    eventually('the connections to be gone', async () => (await shares()).join() === '0,0');
  for (const socket of await pair()) socket.destroy();
  await gone();
  return { ...proxy, workers, shares, pair };
}

t.test('workers - they share the connections, and one of them speaks', async (t) => {
  const proxy = await startTwo(t);
  const sockets: TLSSocket[] = [];
  await eventually('each to have some', async () => {
    sockets.push(await dial(proxy.port));
    return (await proxy.shares()).every((share) => share > 0);
  });
  const shares = await proxy.shares();
  t.equal((shares[0] ?? 0) + (shares[1] ?? 0), sockets.length);
  for (const socket of sockets) socket.destroy();
  t.equal(proxy.lines.filter((line) => line.includes('"event":"ready"')).length, 1);
});

t.test('workers - one that ends takes its connections only, and is started again', async (t) => {
  const proxy = await startTwo(t);
  const sockets = await proxy.pair();
  const [first = 0] = proxy.workers();
  process.kill(first, 'SIGKILL');
  await Promise.race(sockets.map((socket) => closed(socket.resume())));
  await proxy.logged(/"event":"worker_ended".*SIGKILL; it is started again/);
  t.equal(sockets.filter(({ destroyed }) => destroyed).length, 1);
  for (let each = 0; each < 4; each++) t.match(await ask(proxy.port, '/'), { status: 200 });
  await eventually('two workers', () => proxy.workers().length === 2);
  t.notOk(proxy.workers().includes(first));
  for (const socket of sockets) socket.destroy();
  for (const socket of await proxy.pair()) socket.destroy();
});

t.test('workers - each takes up a session that another one began', async (t) => {
  const { port, shares } = await startTwo(t);
  const meet = async (session?: Buffer) => {
    const socket = connect({
      host: '127.0.0.1',
      port,
      ca: CA.certificate,
      servername: 'localhost',
      maxVersion: 'TLSv1.2',
      session,
    });
    await once(socket, 'secureConnect');
    t.teardown(() => socket.destroy());
    return { socket, reused: socket.isSessionReused(), session: socket.getSession() };
  };
  const begun = await meet();
  t.equal(begun.reused, false);
  begun.socket.destroy();
  const all: boolean[] = [];
  await eventually('both to be met', async () => {
    all.push((await meet(begun.session)).reused);
    return (await shares()).every((share) => share > 0);
  });
  t.notOk(all.includes(false), `${all.length} took it up`);
});

t.test('workers - together they take as many connections as there may be', async (t) => {
  const proxy = await startTwo(t, '--max-connections', '4');
  const four: TLSSocket[] = [];
  await eventually('four connections', async () => four.push(await dial(proxy.port)) === 4);
  await t.rejects(dial(proxy.port));
  await t.rejects(dial(proxy.port));
  await proxy.logged(/"kind":"too_many"/);
  for (const socket of four) socket.destroy();
  await eventually('room again', async () => (await ask(proxy.port, '/')).status === 200);
});

t.test('workers - all end with the one that started them', async (t) => {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    const proxy = await startTwo(t);
    const pids = proxy.workers();
    t.equal(await proxy.stop(signal), signal === 'SIGTERM' ? 0 : -1);
    await eventually('no worker', () => !pids.some((pid) => existsSync(`/proc/${pid}`)));
    await t.rejects(ask(proxy.port, '/'), { code: 'ECONNREFUSED' });
  }
});

t.test('workers - one that is told to end before it knows its place ends', async (t) => {
  const root = appRoot(t, { harbor: signed('localhost') });
  const framework = await Framework.start(t);
  // The signal comes while a worker has not yet asked what it is.
  const early = `if (process.send) {
    const send = process.send.bind(process);
    process.send = (...words) => {
      if (words[0] !== 'where am I') return send(...words);
      process.kill(process.ppid, 'SIGTERM');
      setTimeout(() => send(...words), 300);
    };
  }`;
  const preload = `--import=data:text/javascript,${encodeURIComponent(early)}`;
  const words = [
    '--listen',
    String(await freePort()),
    '--to',
    `127.0.0.1:${framework.port}`,
    '--root',
    root.path,
  ];
  const child = startCommand(process.execPath, [preload, PROGRAM, ...words, '--workers', '2'], {
    stdio: 'ignore',
  });
  t.teardown(() => child.kill('SIGKILL'));
  t.strictSame(await once(child, 'exit'), [0, null]);
});

t.test('workers - a port that is taken is said once, and ends them', async (t) => {
  const taken = createServer();
  const port = await freePort();
  await once(taken.listen(port, '127.0.0.1'), 'listening');
  t.teardown(() => taken.close());
  const root = appRoot(t, { harbor: signed('localhost') });
  const framework = await Framework.start(t);
  const flags = ['--workers', '2', '--listen', `127.0.0.1:${port}`, '--wait'];
  const proxy = await startProxy(t, root.path, framework.port, ...flags);
  t.equal(await proxy.ended, 1);
  t.equal(proxy.lines.filter((line) => line.includes('HARBOR_ADDRESS_IN_USE')).length, 1);
});
