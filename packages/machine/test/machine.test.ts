import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import {
  formatReserved,
  hasProgram,
  localAddresses,
  mergeReserved,
  openFilesLimit,
  parseReserved,
  parseSockets,
  portHolder,
  processAlive,
  processStartTime,
  reservePorts,
  sysctlNumber,
  systemClock,
  systemRandom,
  type PortHolder,
} from '../src/index.js';

/** A number that the kernel chose may be in use on another address, by another test. */
const ours = (holders: readonly PortHolder[]): PortHolder[] =>
  holders.filter(({ pid }) => pid === process.pid);

t.test('port holder - a listener is found with its pid and command', async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  t.match(ours(portHolder({ port, protocol: 'tcp' })), [{ command: /node/, state: 'LISTEN' }]);
  t.same(ours(portHolder({ port, protocol: 'udp' })), []);
  server.close();
});

t.test('port holder - an outgoing connection that squats on a number is found too', async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  await once(socket, 'connect');
  t.match(ours(portHolder({ port: socket.localPort!, protocol: 'tcp' })), [{ state: 'ESTABLISHED' }]);
  socket.destroy();
  server.close();
});

t.test('port holder - UDP, and IPv6', async (t) => {
  const socket = createSocket('udp6').bind(0, '::1');
  await once(socket, 'listening');
  t.equal(ours(portHolder({ port: socket.address().port, protocol: 'udp' })).length, 1);
  socket.close();
});

t.test('sockets - the table of the kernel is read by port, listeners first', (t) => {
  const text = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:88B8 0100007F:1F90 01 00000000:00000000 00:00000000 00000000     0        0 11 1 0
   1: 00000000:88B8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 22 1 0
   2: 00000000:88B9 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 33 1 0
`;
  t.same(parseSockets(text, 35000), [
    { port: 35000, state: 'LISTEN', inode: '22' },
    { port: 35000, state: 'ESTABLISHED', inode: '11' },
  ]);
  t.end();
});

t.test('process - its start time tells it from a later one with its pid', async (t) => {
  const child = spawn('sleep', ['60']);
  await once(child, 'spawn');
  const started = processStartTime(child.pid!)!;
  t.ok(processAlive(child.pid!, started));
  t.notOk(processAlive(child.pid!, '1'));
  child.kill('SIGKILL');
  await once(child, 'exit');
  t.notOk(processAlive(child.pid!, started));
});

t.test('reserved ports - what was reserved stays, ranges are joined where they touch', (t) => {
  const merged = mergeReserved(parseReserved('8080,9148,34000-34999\n'), { low: 35000, high: 40000 });
  t.equal(formatReserved(merged), '8080,9148,34000-40000');
  t.equal(formatReserved(mergeReserved([], { low: 5, high: 5 })), '5');
  t.end();
});

t.test('reserved ports - the range is written once, and the command is told where it may not be', (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'harbor-machine-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const path = join(dir, 'ports');
  const range = { low: 35000, high: 40000 };
  t.same(reservePorts(range, path), { outcome: 'unsupported' });
  writeFileSync(path, '8080\n');
  t.same(reservePorts(range, path), { outcome: 'reserved' });
  t.equal(readFileSync(path, 'utf8'), '8080,35000-40000');
  t.same(reservePorts(range, path), { outcome: 'already' });
  t.same(reservePorts({ low: 36000, high: 36010 }, path), { outcome: 'already' });
  // A file of the kernel that nobody may write, root neither.
  t.match(reservePorts(range, '/proc/sys/kernel/ostype'), {
    outcome: 'refused',
    command: /^sysctl -w net\.ipv4\.ip_local_reserved_ports=/,
  });
  t.end();
});

t.test('machine - knows its addresses, the time and chance', (t) => {
  t.ok(localAddresses().includes('127.0.0.1'));
  t.ok(Math.abs(systemClock.now() - Date.now()) < 1_000);
  for (let at = 0; at < 1_000; at++) {
    const drawn = systemRandom();
    if (drawn < 0 || drawn >= 1) t.fail(`${drawn}`);
  }
  t.end();
});

t.test('programs - are found by their path or by their name', (t) => {
  t.ok(hasProgram('sh'));
  t.ok(hasProgram('/bin/sh', ''));
  for (const missing of ['no-such-program', '/no/such/program', '/etc/passwd', '/tmp'])
    t.notOk(hasProgram(missing), missing);
  t.end();
});

t.test('limits - are numbers of this machine', (t) => {
  t.ok(openFilesLimit() > 100);
  t.ok((sysctlNumber('net/core/somaxconn') ?? 0) > 0);
  t.equal(sysctlNumber('no/such/thing'), undefined);
  t.end();
});
