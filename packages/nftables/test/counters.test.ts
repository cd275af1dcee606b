import { Access } from '@harbor/wire';
import t from 'tap';
import {
  ConnectionCounters,
  endDenied,
  endRelayed,
  endStaleFlows,
  listFlows,
  type Run,
} from '../src/index.js';

/** nft as it would print these counters. */
function nft(counters: Readonly<Record<string, number>>, asked: string[] = []): Run {
  return (_program, args) => {
    asked.push(args.join(' '));
    const elem = Object.entries(counters).map(([key, packets]) => {
      const [transport, port] = key.split('_');
      return { elem: { val: { concat: [transport, Number(port)] }, counter: { packets, bytes: 0 } } };
    });
    return Promise.resolve(JSON.stringify({ nftables: [{ metainfo: {} }, { set: { elem } }] }));
  };
}

t.test('counters - what was counted outlives the counter', async (t) => {
  const now = { tcp_35000: 4 };
  const counters = new ConnectionCounters(nft(now));
  t.equal(await counters.total('tcp/35000'), 4);
  counters.keep(await counters.read('all'));
  now.tcp_35000 = 1;
  t.equal(await counters.total('tcp/35000'), 5, 'the new counter began at nought');
  counters.forget('tcp/35000');
  t.equal(await counters.total('tcp/35000'), 1, 'a port given to somebody else begins anew');
});

t.test('counters - a table that is not there has counted nothing', async (t) => {
  const counters = new ConnectionCounters(() => Promise.reject(new Error('no such table')));
  t.equal(await counters.total('udp/35000'), 0);
  t.equal((await counters.read('all')).size, 0);
});

t.test('counters - all are read at once, none are not asked for', async (t) => {
  const asked: string[] = [];
  const counters = new ConnectionCounters(nft({ tcp_1: 1, tcp_99: 9 }, asked));
  t.equal((await counters.read([])).size, 0);
  t.strictSame(asked, []);
  const keys = Array.from({ length: 20 }, (_, at) => `tcp/${at}` as const);
  t.strictSame([...(await counters.read(keys))], [['tcp/1', 1]]);
  t.strictSame(asked, ['-j list set inet harbor served']);
});

const FLOWS = [
  'tcp      6 299 ESTABLISHED src=10.77.1.2 dst=10.77.0.1 sport=40000 dport=35000 ' +
    'src=10.77.2.2 dst=10.77.2.1 sport=8000 dport=40000 [ASSURED] mark=1213350482 use=1',
  'tcp      6 60 TIME_WAIT src=10.77.1.2 dst=10.77.0.1 sport=40001 dport=35000 ' +
    'src=10.77.3.2 dst=10.77.1.2 sport=8001 dport=40001 [ASSURED] mark=1213350480 use=1',
  'tcp      6 299 ESTABLISHED src=10.77.1.2 dst=10.77.0.1 sport=40002 dport=35000 ' +
    'src=10.77.0.1 dst=10.77.1.2 sport=35000 dport=40002 [ASSURED] mark=0 use=1',
  '',
].join('\n');

/** Whatever else goes to such a number is not ours to end. */
const OURS = '--mark 0x48524000/0xffffe000';

/** conntrack with some IPv4 flows; what else it is asked for is noted. */
function conntrack(flows: string, asked: string[] = []): Run {
  return (_program, args) => {
    const line = args.join(' ');
    if (!line.startsWith('-L')) asked.push(line);
    return Promise.resolve(line.startsWith('-L -f ipv4') ? flows : '');
  };
}

t.test('flows - ours are known by their mark, open ones by their state', async (t) => {
  const client = (port: number) => ({ host: '10.77.1.2', port });
  t.strictSame(await listFlows(conntrack(FLOWS), 'tcp', 35_000), [
    { port: 35_000, backend: { host: '10.77.2.2', port: 8000 }, client: client(40_000), open: true },
    { port: 35_000, backend: { host: '10.77.3.2', port: 8001 }, client: client(40_001), open: false },
  ]);
});

t.test('flows - those to a backend that is no longer the primary end, the others stay', async (t) => {
  const flow = (port: number, backend: string): string =>
    `udp      17 29 src=10.77.1.2 dst=10.77.0.1 sport=4 dport=${port} ` +
    `src=${backend} dst=10.77.2.1 sport=9000 dport=4 mark=1213350482 use=1`;
  const flows = [flow(1, '10.0.0.1'), flow(1, '10.0.0.2'), flow(1, '10.0.0.2'), flow(2, '10.0.0.1')];
  const asked: string[] = [];
  await endStaleFlows(conntrack(flows.join('\n'), asked), new Map([[1, { host: '10.0.0.1', port: 9000 }]]));
  t.strictSame(asked, [
    `-D -f ipv4 -p udp ${OURS} --orig-port-dst 1 --reply-src 10.0.0.2 --reply-port-src 9000`,
    `-D -f ipv4 -p udp ${OURS} --orig-port-dst 2 --reply-src 10.0.0.1 --reply-port-src 9000`,
  ]);
});

t.test('flows - those of clients who are denied from now on are ended, and no others', async (t) => {
  const asked: string[] = [];
  const run = conntrack(FLOWS, asked);
  const port = { transport: 'tcp', port: 35_000 } as const;
  await endDenied(run, port, new Access({ deny: ['::/0'], allow: ['10.77.1.0/24'] }));
  t.strictSame(asked, []);
  await endDenied(run, port, new Access({ deny: ['10.77.1.2/32'] }));
  const one = (from: number): string =>
    `-D -f ipv4 -p tcp ${OURS} --orig-port-dst 35000 --orig-src 10.77.1.2 --orig-port-src ${from}`;
  t.strictSame(asked, [one(40_000), one(40_001)], 'what the relay serves is its own');
  asked.length = 0;
  await endDenied(run, port, new Access({ allow: ['10.77.2.0/24'] }));
  t.equal(asked.length, 2);
});

t.test(
  'flows - those that the relay has served end, those through this machine to others do not',
  async (t) => {
    const flow = (from: string, asked: string, mark = 0): string =>
      `udp      17 29 src=${from} dst=${asked} sport=4 dport=1 src=${asked} dst=${from} sport=1 dport=4 mark=${mark} use=1`;
    const flows = [
      flow('10.77.1.2', '10.77.0.1'),
      flow('10.77.1.3', '10.77.0.1'),
      flow('10.77.1.2', '10.77.9.9'),
    ];
    const led = FLOWS.replace('tcp', 'udp').replace('35000', '1');
    const asked: string[] = [];
    await endRelayed(conntrack([...flows, led].join('\n'), asked), 1, () => ['10.77.0.1', '10.77.2.1']);
    t.strictSame(asked, ['-D -f ipv4 -p udp --orig-dst 10.77.0.1 --reply-src 10.77.0.1 --orig-port-dst 1']);
  },
);
