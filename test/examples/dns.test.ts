import { runCommand, TestHarbor } from '@harbor/testbed';
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { buffer } from 'node:stream/consumers';
import t from 'tap';
import { runExample } from './support/example.js';

t.test('examples, DNS - dig asks over UDP and TCP on one number', async (t) => {
  const harbor = await TestHarbor.start(t);
  const { app, port } = await runExample(t, harbor, 'dns');
  const dig = async (...args: string[]): Promise<string> => {
    const all = ['@127.0.0.1', '-p', String(port), '+tries=5', '+time=2', ...args];
    const { code, stdout, stderr } = await runCommand('dig', all);
    t.equal(code, 0, `dig ${args.join(' ')}: ${stderr}`);
    return stdout.trim();
  };

  await t.test('every kind of record, over both', async (t) => {
    for (const how of ['+notcp', '+tcp']) {
      t.equal(await dig(how, '+short', 'harbor.example'), '192.0.2.53');
      t.equal(await dig(how, '+short', 'HARBOR.example', 'AAAA'), '2001:db8::53');
      t.equal(await dig(how, '+short', 'harbor.example', 'TXT'), '"a DNS server behind Harbor"');
      t.strictSame((await dig(how, '+short', 'www.harbor.example')).split('\n').sort(), [
        '192.0.2.80',
        '192.0.2.81',
      ]);
    }
  });

  await t.test('what is not there is said, with how long that may be kept', async (t) => {
    t.match(await dig('nobody.harbor.example'), /status: NXDOMAIN[^]*harbor\.example\.\s+60\s+IN\s+SOA/);
    t.match(await dig('www.harbor.example', 'TXT'), /status: NOERROR[^]*ANSWER: 0, AUTHORITY: 1/);
    t.match(await dig('elsewhere.example'), /status: REFUSED/);
    t.match(await dig('+opcode=2', 'harbor.example'), /status: NOTIMP/);
  });

  await t.test('what is too long for a datagram comes over TCP, to the same port', async (t) => {
    t.match(await dig('+ignore', 'long.harbor.example', 'TXT'), /flags: qr aa tc rd;.* ANSWER: 0/);
    const whole = await dig('long.harbor.example', 'TXT');
    t.match(whole, /Truncated, retrying in TCP mode/);
    t.match(whole, /ANSWER: 8/);
    t.match(whole, /"7: (all work and no play ){8}"/);
  });

  await t.test('over TCP instances take turns, over UDP the first one answers until it goes', async (t) => {
    const which = (how: string): Promise<string> => dig(how, '+short', 'instance.harbor.example', 'TXT');
    const turns = [await which('+tcp'), await which('+tcp')];
    t.strictSame(turns.sort(), ['"instance 0"', '"instance 1"']);
    for (let times = 0; times < 3; times++) t.equal(await which('+notcp'), '"instance 0"');
    const [line] = await app.said(/instance 0 starts, pid \d+/);
    process.kill(Number(/pid (\d+)/.exec(line ?? '')?.[1]), 'SIGKILL');
    await app.said(/instance 0 ended by SIGKILL/);
    t.equal(await which('+notcp'), '"instance 1"');
  });

  await t.test('what is no question is answered as such, or not at all', async (t) => {
    const header = Buffer.from([0xab, 0xcd, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    const formError = Buffer.from([0xab, 0xcd, 0x85, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
    const name = Buffer.from([9, 104, 97, 114, 98]);
    const bad = [header, Buffer.concat([header, name]), Buffer.concat([header, Buffer.alloc(40, 63)])];
    for (const each of bad) t.strictSame(await overTcp(port, each), Buffer.concat([length(12), formError]));
    const anAnswer = Buffer.from(formError);
    for (const each of [Buffer.alloc(0), Buffer.from('x'), anAnswer])
      t.equal((await overTcp(port, each)).length, 0);
    const socket = createSocket('udp4');
    for (const each of [...bad, Buffer.from('x'), anAnswer]) socket.send(each, port, '127.0.0.1');
    t.equal(await dig('+notcp', '+short', 'harbor.example'), '192.0.2.53', 'it goes on');
    socket.close();
  });
});

/** All that is answered to one message until the server, or this side, ends. */
async function overTcp(port: number, message: Buffer): Promise<Buffer> {
  const socket = connect({ port, host: '127.0.0.1' });
  socket.end(Buffer.concat([length(message.length), message]));
  return buffer(socket);
}

function length(bytes: number): Buffer {
  return Buffer.from([bytes >> 8, bytes & 0xff]);
}
