import fc from 'fast-check';
import t from 'tap';
import { Access } from '../src/index.js';

t.test('CIDR - a block admits what shares its prefix and nothing else', (t) => {
  const octets = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255));
  const bits = (address: readonly number[]): string =>
    address.map((octet) => octet.toString(2).padStart(8, '0')).join('');
  fc.assert(
    fc.property(octets, octets, fc.integer({ min: 0, max: 32 }), (network, client, prefix) => {
      const access = new Access({ allow: [`${network.join('.')}/${prefix}`] });
      const inside = bits(network).slice(0, prefix) === bits(client).slice(0, prefix);
      t.equal(access.admits(client.join('.')), inside);
      t.equal(access.admits(network.join('.')), true);
    }),
  );
  t.end();
});

t.test('access - without rules everybody comes in, and empty lists are none', (t) => {
  for (const policy of [{}, { allow: [], deny: [] }]) {
    const access = new Access(policy);
    t.equal(access.open, true);
    t.equal(access.admits('192.0.2.7') && access.admits('2001:db8::1'), true);
  }
  t.end();
});

t.test('access - a block of one family says nothing of the other, and deny wins over allow', (t) => {
  t.equal(new Access({ deny: ['::/0'] }).admits('192.0.2.7'), true);
  t.equal(new Access({ deny: ['0.0.0.0/0'] }).admits('2001:db8::1'), true);
  t.equal(new Access({ allow: ['0.0.0.0/0'] }).admits('2001:db8::1'), false);
  const both = new Access({ allow: ['10.0.0.0/8', '2001:db8::/32'], deny: ['10.1.0.0/16'] });
  t.strictSame(
    ['10.2.0.1', '10.1.0.1', '192.0.2.7', '2001:db8::1', '2001:db9::1'].map((each) => both.admits(each)),
    [true, false, false, true, false],
  );
  t.end();
});
