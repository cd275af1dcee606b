import t from 'tap';
import { headerV1, headerV2 } from '../src/index.js';
import { startRelay } from './support/rig.js';
import { dial, listen } from './support/tcp.js';
import { listenUdp, UdpClient } from './support/udp.js';

const FOUR = {
  source: '192.0.2.7',
  sourcePort: 56_324,
  destination: '198.51.100.9',
  destinationPort: 443,
};
const SIX = {
  source: '2001:db8::7',
  sourcePort: 1,
  destination: '2001:db8:0:1:2:3:4:ffff',
  destinationPort: 65_535,
};
const SIGNATURE = '0d0a0d0a000d0a515549540a';

t.test('version 1 is one line of text', (t) => {
  t.equal(headerV1(FOUR).toString('latin1'), 'PROXY TCP4 192.0.2.7 198.51.100.9 56324 443\r\n');
  t.equal(headerV1(SIX).toString('latin1'), 'PROXY TCP6 2001:db8::7 2001:db8:0:1:2:3:4:ffff 1 65535\r\n');
  t.end();
});

t.test('version 2 is these bytes, for both families and both transports', (t) => {
  const four = 'c0000207' + 'c6336409' + 'dc04' + '01bb';
  const six = '20010db8000000000000000000000007' + '20010db800000001000200030004ffff' + '0001' + 'ffff';
  t.equal(headerV2(FOUR, 'tcp').toString('hex'), `${SIGNATURE}2111000c${four}`);
  t.equal(headerV2(FOUR, 'udp').toString('hex'), `${SIGNATURE}2112000c${four}`);
  t.equal(headerV2(SIX, 'tcp').toString('hex'), `${SIGNATURE}21210024${six}`);
  t.equal(headerV2(SIX, 'udp').toString('hex'), `${SIGNATURE}21220024${six}`);
  t.end();
});

t.test('version 2 packs every way of writing an IPv6 address', (t) => {
  const pack = (source: string): string =>
    headerV2({ ...SIX, source }, 'tcp')
      .subarray(16, 32)
      .toString('hex');
  t.equal(pack('::'), '0'.repeat(32));
  t.equal(pack('::1'), '1'.padStart(32, '0'));
  t.equal(pack('fd00::'), 'fd00'.padEnd(32, '0'));
  t.equal(pack('1:2:3:4:5:6:7:8'), '00010002000300040005000600070008');
  t.equal(pack('fe80::a:b'), 'fe80'.padEnd(24, '0') + '000a000b');
  t.end();
});

for (const [family, host] of [
  ['TCP4', '127.0.0.1'],
  ['TCP6', '::1'],
] as const) {
  t.test(`TCP - the header comes first, then what the client says (${family})`, async (t) => {
    const rig = await startRelay(t, 'tcp');
    const { backend, peers } = await listen(t, 0, ({ socket }) => socket.end('hello'));
    for (const version of ['v1', 'v2'] as const) {
      await rig.route([backend], { proxyProtocol: version });
      const client = dial(rig.port, host);
      client.socket.write('from the client');
      await client.saw('hello');
      const sourcePort = client.socket.localPort!;
      client.socket.end();
      const ends = { source: host, sourcePort, destination: host, destinationPort: rig.port };
      const expected =
        version === 'v1'
          ? Buffer.from(`PROXY ${family} ${host} ${host} ${sourcePort} ${rig.port}\r\n`)
          : headerV2(ends, 'tcp');
      t.equal(
        (await peers.at(-1)!.ended).toString('hex'),
        Buffer.concat([expected, Buffer.from('from the client')]).toString('hex'),
      );
      t.equal(client.received.toString(), 'hello', 'the client sees nothing of it');
    }
  });
}

t.test('TCP - a backend that is tried after another has refused gets one header', async (t) => {
  const rig = await startRelay(t, 'tcp');
  const { backend, peers } = await listen(t, 1, ({ socket }) => socket.end());
  await rig.route([{ ...backend, port: 1, index: 0 }, backend], { proxyProtocol: 'v1' });
  const client = dial(rig.port);
  client.socket.end();
  await client.closed;
  t.match((await peers[0]!.ended).toString(), /^PROXY [^\r]*\r\n$/);
});

t.test('UDP - version 2 stands in front of every datagram, version 1 in front of none', async (t) => {
  const rig = await startRelay(t, 'udp');
  const server = await listenUdp(t, 0);
  const client = await UdpClient.open(t);
  await rig.route([server.backend], { proxyProtocol: 'v2' });
  const header = headerV2(
    { source: '127.0.0.1', sourcePort: client.port, destination: '0.0.0.0', destinationPort: rig.port },
    'udp',
  );
  for (const text of ['one', '', 'three']) {
    client.send(rig.port, text);
    t.equal(
      (await server.next()).data.toString('hex'),
      header.toString('hex') + Buffer.from(text).toString('hex'),
    );
  }
  await rig.remove();
  await rig.route([server.backend], { proxyProtocol: 'v1' });
  client.send(rig.port, 'bare');
  t.equal((await server.next()).data.toString(), 'bare');
});
