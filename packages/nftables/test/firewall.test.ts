import t from 'tap';
import { blockedBy, type Run } from '../src/index.js';

interface Chain {
  readonly family: string;
  readonly table: string;
  readonly name: string;
  readonly hook?: string;
  readonly policy?: string;
}

/** nft with these chains, and what it prints of whatever table. */
function nft(chains: readonly Chain[], table = ''): Run {
  return (_program, args) =>
    Promise.resolve(
      args.includes('chains') ? JSON.stringify({ nftables: chains.map((chain) => ({ chain })) }) : table,
    );
}

const DOCKER: Chain = { family: 'ip', table: 'filter', name: 'FORWARD', hook: 'forward', policy: 'drop' };
const OWN: Chain = { family: 'inet', table: 'wall', name: 'forward', hook: 'forward', policy: 'drop' };

t.test(
  'firewall - a chain that drops what is forwarded is named, with the command for its kind',
  async (t) => {
    t.strictSame(await blockedBy(nft([DOCKER])), {
      ip:
        'the firewall (chain ip filter FORWARD) drops what is forwarded; as root run: ' +
        'iptables -I FORWARD -m connmark --mark 0x48524000/0xffffe000 -j ACCEPT',
    });
    t.match(await blockedBy(nft([{ ...DOCKER, family: 'ip6' }])), { ip6: /run: ip6tables / });
    const rule = /run: nft insert rule inet wall forward ct mark and 0xffffe000 == 0x48524000 accept$/;
    t.match(await blockedBy(nft([OWN])), { ip: rule, ip6: rule });
  },
);

t.test('firewall - who accepts, looks elsewhere or lets our mark pass is none of ours', async (t) => {
  const others = [
    { ...DOCKER, policy: 'accept' },
    { ...DOCKER, hook: 'input' },
    { ...DOCKER, family: 'bridge' },
    { family: 'ip', table: 'filter', name: 'DOCKER' },
  ];
  t.strictSame(await blockedBy(nft(others)), {});
  for (const rule of [
    'ct mark & 0xffffe000 == 0x48524000 accept',
    'ct mark and 0xffffe000 == 0x48524000 counter packets 0 bytes 0 accept',
    'ct status dnat counter packets 0 bytes 0 accept',
  ])
    t.strictSame(await blockedBy(nft([DOCKER], rule)), {}, rule);
  t.match(await blockedBy(nft([DOCKER], 'ct status dnat drop')), { ip: /iptables/ });
});
