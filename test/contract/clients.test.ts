import { eventually, runCommand, TestHarbor } from '@harbor/testbed';
import { createHash, randomBytes } from 'node:crypto';
import { writeFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';

const MIB = 1_024 * 1_024;

/** What iperf3 says of a run. */
interface Measured {
  readonly end: {
    readonly sum_sent?: { readonly bytes: number };
    readonly sum_received?: { readonly bytes: number };
    readonly sum?: { readonly lost_percent: number };
  };
}

/** The clients people have, through a port to the servers people have. */
t.test('real clients - reach real servers through a port', async (t) => {
  const harbor = await TestHarbor.start(t);

  await t.test('redis-cli and redis-benchmark', async (t) => {
    const { port } = await harbor.create('cache');
    const server = 'exec redis-server --port $STACKATO_HARBOR --save "" --appendonly no';
    const app = harbor.run(t, ['--app', 'cache', '--service', 'cache', '--', 'sh', '-c', server]);
    await app.said(/serves tcp/);
    const cli = (...args: string[]) => runCommand('redis-cli', ['-p', String(port), ...args]);
    t.match(await cli('ping'), { code: 0, stdout: 'PONG' });
    t.match(await cli('set', 'key', 'value'), { stdout: 'OK' });
    t.match(await cli('get', 'key'), { stdout: 'value' });
    const args = ['-p', String(port), '-n', '20000', '-c', '20', '-t', 'set,get', '-P', '4', '--csv'];
    const bench = await runCommand('redis-benchmark', args);
    t.equal(bench.code, 0);
    t.match(bench.stdout, /"SET","\d+/);
    t.match(bench.stdout, /"GET","\d+/);
    await app.stop();
  });

  await t.test('dig, over UDP and TCP on one both- port', async (t) => {
    const { port } = await harbor.create('both-dns');
    const app = harbor.run(t, [
      '--app',
      'dns',
      '--instances',
      '2',
      '--service',
      'both-dns',
      '--',
      process.execPath,
      'test/apps/dns.js',
    ]);
    await app.said(/serves tcp/, 2);
    await app.said(/serves udp/, 2);
    for (const how of ['+notcp', '+tcp']) {
      const args = [
        '@127.0.0.1',
        '-p',
        String(port),
        how,
        '+short',
        '+tries=5',
        '+time=2',
        'harbor.test',
        'A',
      ];
      const { code, stdout } = await runCommand('dig', args);
      t.equal(code, 0, how);
      t.equal(stdout.trim(), '192.0.2.53', how);
    }
    await app.stop();
  });

  await t.test('curl, in turn and with a body both ways', async (t) => {
    const { port } = await harbor.create('http');
    const node = [process.execPath, 'test/apps/http.js'];
    const app = harbor.run(t, ['--app', 'http', '--instances', '2', '--service', 'http', '--', ...node]);
    await app.said(/serves tcp/, 2);
    await harbor.backends('http', 2);
    const url = `http://127.0.0.1:${port}/`;
    const answers: string[] = [];
    for (let each = 0; each < 4; each++) answers.push((await runCommand('curl', ['-sS', url])).stdout.trim());
    t.strictSame(answers.sort(), ['instance 0', 'instance 0', 'instance 1', 'instance 1']);

    const [sent, received] = [join(harbor.home, 'sent'), join(harbor.home, 'received')];
    writeFileSync(sent, randomBytes(32 * MIB));
    const post = await runCommand('curl', ['-sS', '--data-binary', `@${sent}`, '-o', received, url]);
    t.equal(post.code, 0, post.stderr);
    t.equal(digest(received), digest(sent), '32 MiB there and back, every byte in its place');
    await app.stop();
  });

  await t.test('iperf3, over TCP both ways and over UDP', async (t) => {
    const { port } = await harbor.create('both-iperf');
    const server = 'exec iperf3 -s -p $STACKATO_HARBOR';
    const app = harbor.run(t, ['--app', 'iperf', '--service', 'both-iperf', '--', 'sh', '-c', server]);
    await app.said(/serves tcp/);
    // It binds its UDP port only when a test begins, so it is announced by its being up alone.
    await app.said(/serves udp/);
    const iperf = async (size: number, ...how: string[]) => {
      const words = ['-c', '127.0.0.1', '-p', String(port), '-J', '-n', `${size}M`, ...how];
      const { code, stdout } = await runCommand('iperf3', words, { timeout: 60_000 });
      const what = `iperf3 -n ${size}M ${how.join(' ')}: ${stdout.slice(-300)}`;
      return { code, what, end: code === 0 ? (JSON.parse(stdout) as Measured).end : {} };
    };
    for (const [size, ...how] of [[256], [256, '-R'], [1_024, '-P', '4']] as const) {
      const { code, what, end } = await iperf(size, ...how);
      t.equal(code, 0, what);
      // iperf3 closes its data connections when its control connection says so: what is under way then is
      // counted as sent only, and the kernel keeps up to 36 MiB on each side of Harbor. That every byte arrives
      // the test before this one holds.
      t.ok((end.sum_sent?.bytes ?? 0) >= size * MIB, 'all of it was sent');
      t.ok((end.sum_received?.bytes ?? 0) > (size / 2) * MIB, 'and arrived, but for what was under way');
    }
    // What comes while a process waits for its turn on a busy machine is kept for some tenths of a second only.
    const hardlyLost = await eventually('hardly a datagram to be lost', async () => {
      const { code, end } = await iperf(1, '-u', '-b', '5M', '-l', '1200');
      return code === 0 && (end.sum?.lost_percent ?? 100) < 5;
    });
    t.ok(hardlyLost);
    await app.stop();
  });

  await t.test('nc, which is told at once that nobody serves', async (t) => {
    const { port } = await harbor.create('nobody');
    const { code, stdout } = await runCommand('nc', ['-N', '127.0.0.1', String(port)], { timeout: 30_000 });
    t.equal(stdout, '');
    t.not(code, -1, 'it ends by itself');
  });
});

function digest(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}
