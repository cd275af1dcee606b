import fc from 'fast-check';
import { BlockList, isIP } from 'node:net';
import t from 'tap';
import { decodeRecord, registerMessage } from '../src/index.js';

/** Where nothing can be connected to, by another's reckoning than the one under test. */
const NOWHERE = new BlockList();
NOWHERE.addSubnet('0.0.0.0', 8, 'ipv4');
NOWHERE.addSubnet('224.0.0.0', 4, 'ipv4');
NOWHERE.addAddress('255.255.255.255', 'ipv4');
NOWHERE.addAddress('::', 'ipv6');
NOWHERE.addSubnet('ff00::', 8, 'ipv6');

const MESSAGE = { dea: 'd', app: 'a', instance: 'i', service: 's', port: 8000 };
const RECORD = { ...MESSAGE, transport: 'tcp', order: 0, since: 0 };

/** What of a text reaches a data plane as the host of a backend: from a message, and from a record. */
function reaching(host: string): (string | undefined)[] {
  const message = registerMessage.safeParse({ ...MESSAGE, host });
  return [message.success ? message.data.host : undefined, ofRecord(host)];
}

function ofRecord(host: string): string | undefined {
  try {
    return decodeRecord('backend', 'b', JSON.stringify({ ...RECORD, host })).host;
  } catch {
    return undefined;
  }
}

t.test('a backend - what is no address, or one of nobody or everybody, is refused at the edge', (t) => {
  const refused = ['', 'localhost', 'example.com', '10.1', '010.0.0.1', '0x7f.0.0.1', '10.0.0.1:80', '[::1]'];
  refused.push('10.0.0.1/24', '10.0.0.1; flush ruleset', 'fe80::1%eth0', '1'.repeat(200));
  refused.push('0.0.0.0', '255.255.255.255', '224.0.0.1', '239.1.2.3', '::', 'ff02::1', '::ffff:224.0.0.1');
  for (const host of refused) t.strictSame(reaching(host), [undefined, undefined], host);
  for (const [host, known] of [
    ['10.0.0.1', '10.0.0.1'],
    ['2001:DB8:0::1', '2001:db8::1'],
    ['::ffff:10.0.0.1', '10.0.0.1'],
  ] as const)
    t.strictSame(reaching(host), [known, known], host);
  t.end();
});

t.test('a backend - whatever is sent, only an address that can be connected to comes through', (t) => {
  const digits = fc.stringMatching(/^[0-9a-f:.%/ ;{}]{0,40}$/);
  const hosts = fc.oneof(fc.string(), digits, fc.ipV4(), fc.ipV6());
  fc.assert(
    fc.property(hosts, (host) =>
      reaching(host).every((found) => {
        if (found === undefined) return true;
        const family = isIP(found);
        return family !== 0 && !NOWHERE.check(found, family === 4 ? 'ipv4' : 'ipv6');
      }),
    ),
    { numRuns: 2_000 },
  );
  t.end();
});
