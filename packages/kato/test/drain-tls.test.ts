import { ManualClock } from '@harbor/core';
import { eventually, makeCertificates, temporaryDirectory } from '@harbor/testbed';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { makeDrain, targetOf } from '../src/drain/drain.js';
import { Forwarder } from '../src/drain/forwarder.js';
import { linksFor } from '../src/drain/link.js';
import { parseLogLine } from '../src/logs/line.js';
import { listen, tcpReceiver, tlsReceiver } from './support/receivers.js';

async function fixture(t: Test) {
  const directory = temporaryDirectory();
  t.teardown(() => directory.remove());
  const made = async (name: string) => {
    mkdirSync(join(directory.path, name));
    return makeCertificates(join(directory.path, name));
  };
  const forward = (url: string, ca: string | undefined, format = 'raw') => {
    const clock = new ManualClock();
    const drain = makeDrain('siem', url, [], format, ca);
    const options = { clock, random: () => 0, log: listen().log, open: linksFor(60_000), host: 'm1' };
    const forwarder = new Forwarder(drain, options);
    t.teardown(() => forwarder.close());
    const push = (text: string): void => forwarder.push(parseLogLine('kato', text));
    return { clock, forwarder, push };
  };
  const waiting = (forwarder: Forwarder): Promise<true> =>
    eventually('to wait', () => forwarder.status.state === 'waiting');
  return { directory: directory.path, made, forward, waiting };
}

t.test('tls - lines reach a server that the authority of --ca has signed, counted in octets', async (t) => {
  const { made, forward } = await fixture(t);
  const certificates = await made('ours');
  const server = await tlsReceiver(t, certificates);
  const { forwarder, push } = forward(server.url, certificates.ca, 'syslog');
  push('eins');
  push('zwölf');
  await eventually('to be sent', () => forwarder.status.sent === 2);
  // No newline ends them: what the server has when the connection ends is all of it, in one piece.
  await forwarder.close();
  await eventually('both', () => server.lines.length === 1);
  const counted = ['eins', 'zwölf'].map((text) => {
    const message = `<30>1 - m1 kato - - - ${text}`;
    return `${Buffer.byteLength(message)} ${message}`;
  });
  t.strictSame(server.lines, [counted.join('')], 'MSG-LEN SP SYSLOG-MSG, RFC 5425 §4.3');
});

t.test('tls - a server of another authority, or of another name, gets nothing', async (t) => {
  const { made, forward, waiting } = await fixture(t);
  const [ours, others] = [await made('ours'), await made('others')];
  const server = await tlsReceiver(t, others);
  const refused: readonly (readonly [string, string, string | undefined, RegExp])[] = [
    ['signed by somebody else', server.url, ours.ca, /certificate/],
    ['unknown to Node.js', server.url, undefined, /certificate/],
    ['of another name', server.url.replace('127.0.0.1', 'localhost'), others.ca, /localhost/],
  ];
  for (const [name, url, ca, why] of refused) {
    const { forwarder, push } = forward(url, ca);
    push('secret');
    await waiting(forwarder);
    t.match(forwarder.status, { sent: 0, queued: 1, last_error: why }, name);
  }
  const plain = await tcpReceiver(t);
  const { forwarder, push } = forward(plain.url.replace('tcp:', 'tls:'), ours.ca);
  push('secret');
  // It has no TLS to answer with: what it was sent is no line, and it ends.
  await eventually('to be asked', () => plain.connections() === 1);
  await plain.close();
  await waiting(forwarder);
  t.notOk(
    plain.lines.some((line) => line.includes('secret')),
    'nothing goes in the clear',
  );
  t.strictSame(server.lines, []);
});

t.test(
  'tls - a server that ends is connected to again, with the certificates there are by then',
  async (t) => {
    const { directory, made, forward, waiting } = await fixture(t);
    const [first, second] = [await made('first'), await made('second')];
    const ca = join(directory, 'ca.pem');
    writeFileSync(ca, first.trusted);
    const old = await tlsReceiver(t, first);
    const { clock, forwarder, push } = forward(old.url, ca);
    push('one');
    await eventually('one', () => old.lines.length === 1);
    await old.close();
    await waiting(forwarder);
    push('two');
    const now = await tlsReceiver(t, second, old.port);
    clock.advance(1_000);
    await eventually('to fail again', () => forwarder.status.last_error?.includes('certificate'));
    writeFileSync(ca, second.trusted);
    clock.advance(2_000);
    await eventually('two', () => now.lines.length === 1);
    t.strictSame(now.lines, ['two']);
  },
);

t.test('tls - a file that cannot be read is an error of that drain', async (t) => {
  const { directory, forward, waiting } = await fixture(t);
  const { forwarder } = forward('tls://127.0.0.1:1', join(directory, 'none.pem'));
  await waiting(forwarder);
  t.match(forwarder.status.last_error, /none\.pem/);
});

t.test('tls - --ca belongs to a tls:// drain, and is kept as an absolute path', async (t) => {
  t.same(targetOf('tls://logs.example.com:6514'), { protocol: 'tls', host: 'logs.example.com', port: 6514 });
  t.match(makeDrain('a', 'tls://x:1', [], 'raw', 'ca.pem').ca, /^\/.*\/ca\.pem$/);
  t.throws(() => makeDrain('a', 'tcp://x:1', [], 'raw', '/ca.pem'), {
    code: 'HARBOR_USAGE',
    message: /tls:\/\//,
  });
});
