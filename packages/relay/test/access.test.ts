import type { RoutePolicy } from '@harbor/core';
import { Access } from '@harbor/wire';
import t from 'tap';
import { plainAddress } from '../src/plain-address.js';
import { startRelay } from './support/rig.js';
import { dial, echo, listen, nameIt } from './support/tcp.js';

/** What a client of each address gets under these rules. */
async function admitted(t: Parameters<typeof startRelay>[0], policy: RoutePolicy) {
  const rig = await startRelay(t, 'tcp');
  const { backend } = await listen(t, 0, nameIt(0));
  await rig.route([backend], policy);
  const clients = {
    '127.0.0.1': dial(rig.port),
    '127.0.0.2': dial(rig.port, '127.0.0.1', '127.0.0.2'),
    '::1': dial(rig.port, '::1'),
  };
  const welcome = [];
  for (const [address, client] of Object.entries(clients)) {
    client.socket.end();
    if ((await client.closed) === 'end') welcome.push(address);
    else t.equal(client.received.length, 0, 'who is reset gets nothing');
  }
  t.equal(rig.stats().refused, 3 - welcome.length);
  return welcome;
}

t.test('without rules everybody may come in', async (t) => {
  t.strictSame(await admitted(t, {}), ['127.0.0.1', '127.0.0.2', '::1']);
  t.strictSame(await admitted(t, { allow: [], deny: [] }), ['127.0.0.1', '127.0.0.2', '::1']);
});

t.test('allow - only clients in these blocks come in, of IPv4 and IPv6', async (t) => {
  t.strictSame(await admitted(t, { allow: ['127.0.0.2/32'] }), ['127.0.0.2']);
  t.strictSame(await admitted(t, { allow: ['127.0.0.0/8'] }), ['127.0.0.1', '127.0.0.2']);
  t.strictSame(await admitted(t, { allow: ['::/64'] }), ['::1']);
  t.strictSame(await admitted(t, { allow: ['127.0.0.1/32', '::1/128'] }), ['127.0.0.1', '::1']);
});

t.test('deny - nobody in these blocks comes in, and it wins over allow', async (t) => {
  t.strictSame(await admitted(t, { deny: ['127.0.0.2/32'] }), ['127.0.0.1', '::1']);
  t.strictSame(await admitted(t, { deny: ['0.0.0.0/0'] }), ['::1']);
  t.strictSame(await admitted(t, { deny: ['::/0'] }), ['127.0.0.1', '127.0.0.2']);
  t.strictSame(await admitted(t, { allow: ['127.0.0.0/8'], deny: ['127.0.0.1/32'] }), ['127.0.0.2']);
});

t.test('a client the rules no longer admit is ended, the others are not touched', async (t) => {
  const rig = await startRelay(t, 'tcp');
  const { backend } = await listen(t, 0, echo);
  await rig.route([backend]);
  const [one, two] = [dial(rig.port), dial(rig.port, '127.0.0.1', '127.0.0.2')];
  await Promise.all([one.ask('hello'), two.ask('hello')]);
  await rig.route([backend], { deny: ['127.0.0.1/32'] });
  t.equal(await one.closed, 'ECONNRESET');
  await two.ask('still here');
  await rig.route([backend]);
  await dial(rig.port).ask('welcome again');
});

t.test('an IPv4 client of a dual-stack socket is an IPv4 client', (t) => {
  t.equal(plainAddress('::ffff:192.0.2.7'), '192.0.2.7');
  t.equal(plainAddress('::ffff:0:1'), '::ffff:0:1');
  t.equal(plainAddress('2001:db8::1'), '2001:db8::1');
  t.end();
});

t.test('a link-local client is told by its address, whatever interface it comes by', (t) => {
  const address = plainAddress('fe80::1%eth0');
  t.equal(address, 'fe80::1');
  t.equal(new Access({ deny: ['fe80::/10'] }).admits(address), false);
  t.equal(new Access({ allow: ['fe80::/10'] }).admits(address), true);
  t.end();
});
