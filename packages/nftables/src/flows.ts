import type { Address, Transport } from '@harbor/core';
import type { Access } from '@harbor/wire';
import type { Run } from './command.js';
import { UNREACHABLE } from './hooks.js';
import { hex, isOurs, MARK, MASK } from './mark.js';
import { TABLE } from './service.js';

/** Which of the kernel's connections are meant: those to one port, of them those of one backend or client. */
export interface FlowFilter {
  readonly transport: Transport;
  /** The port clients connected to. */
  readonly port: number;
  readonly backend?: Address;
  readonly client?: Address;
}

/** Others to the same number, those through this machine to elsewhere say, are somebody else's. */
const OURS = ['--mark', `${hex(MARK.masqueraded)}/${hex(MASK.either)}`];

/**
 * Ends connections that our rules have led on (man 8 conntrack): a UDP client's next datagram finds the
 * new primary, a TCP connection to a backend that has left ends. None there is no failure.
 */
export async function endFlows(run: Run, { transport, port, backend, client }: FlowFilter): Promise<void> {
  const towards = backend ? ['--reply-src', backend.host, '--reply-port-src', String(backend.port)] : [];
  const from = client ? ['--orig-src', client.host, '--orig-port-src', String(client.port)] : [];
  const end = backend ?? client;
  const families = end ? [end.host.includes(':') ? 'ipv6' : 'ipv4'] : ['ipv4', 'ipv6'];
  const which = [...OURS, '--orig-port-dst', String(port), ...towards, ...from];
  for (const family of families) await endAll(run, ['-f', family, '-p', transport, ...which]);
}

async function endAll(run: Run, which: readonly string[]): Promise<void> {
  await run('conntrack', ['-D', ...which]).catch((error: unknown) => {
    if (!String(error).includes('0 flow entries')) throw error;
  });
}

/**
 * Ends the flows of a UDP port that the relay has served so far: the next datagram of a client who never pauses
 * finds the kernel's rules. The kernel remembers them by the address of this machine (`local`) that was asked.
 */
export async function endRelayed(run: Run, port: number, local: () => readonly string[]): Promise<void> {
  const mine = new Set(local());
  const asked = (await listed(run, 'udp', port))
    .filter(({ flow, asked, ours }) => !ours && flow.backend.host === asked && mine.has(asked))
    .map(({ asked }) => asked);
  for (const host of new Set(asked)) {
    const family = host.includes(':') ? 'ipv6' : 'ipv4';
    const to = ['--orig-dst', host, '--reply-src', host, '--orig-port-dst', String(port)];
    await endAll(run, ['-f', family, '-p', 'udp', ...to]);
  }
}

/** A connection that our rules have led to a backend. */
export interface Flow {
  /** The port the client connected to. */
  readonly port: number;
  readonly backend: Address;
  readonly client: Address;
  /** False where it has ended and is only kept for stragglers. */
  readonly open: boolean;
}

const ENDED = /\b(?:TIME_WAIT|CLOSE|LAST_ACK)\b/;

/** A connection as the kernel has it. */
interface Listed {
  readonly flow: Flow;
  /** The address the client connected to. */
  readonly asked: string;
  readonly ours: boolean;
}

/** The connections of a protocol that our rules have led to a backend, all or those to one port. */
export async function listFlows(run: Run, transport: Transport, port?: number): Promise<Flow[]> {
  return (await listed(run, transport, port)).flatMap(({ flow, ours }) => (ours ? [flow] : []));
}

async function listed(run: Run, transport: Transport, port?: number): Promise<Listed[]> {
  const towards = port === undefined ? [] : ['--orig-port-dst', String(port)];
  const texts = ['ipv4', 'ipv6'].map((family) =>
    run('conntrack', ['-L', '-f', family, '-p', transport, ...towards]),
  );
  return (await Promise.all(texts)).flatMap((text) => text.split('\n').flatMap((line) => flowOf(line) ?? []));
}

/** A line of `conntrack -L`: both directions, the client's first. */
function flowOf(line: string): Listed | undefined {
  const all = (what: string): string[] =>
    [...line.matchAll(new RegExp(`\\b${what}=(\\S+)`, 'g'))].map(([, value]) => value ?? '');
  const [port] = all('dport');
  const [from, host] = all('src');
  const [of, answers] = all('sport');
  const [asked] = all('dst');
  if (port === undefined || from === undefined || host === undefined || asked === undefined) return undefined;
  return {
    asked,
    ours: isOurs(Number(all('mark')[0])),
    flow: {
      port: Number(port),
      backend: { host, port: Number(answers) },
      client: { host: from, port: Number(of) },
      open: !ENDED.test(line),
    },
  };
}

/**
 * Ends the UDP flows that go on to a backend that is no longer the primary, whoever made them: `primaries`
 * by port. Those that go where they should stay as they are, so that no answer under way is lost.
 */
export async function endStaleFlows(run: Run, primaries: ReadonlyMap<number, Address>): Promise<void> {
  const stale = new Map<string, FlowFilter>();
  for (const { port, backend } of await listFlows(run, 'udp')) {
    const primary = primaries.get(port);
    if (primary?.host === backend.host && primary.port === backend.port) continue;
    stale.set(`${port} ${backend.host} ${backend.port}`, { transport: 'udp', port, backend });
  }
  for (const filter of stale.values()) await endFlows(run, filter);
}

/** Ends the connections to a port that were led on for clients who are not admitted any more. */
export async function endDenied(
  run: Run,
  { transport, port }: FlowFilter,
  access: Pick<Access, 'admits'>,
): Promise<void> {
  for (const { client } of await listFlows(run, transport, port))
    if (!access.admits(client.host)) await endFlows(run, { transport, port, client });
}

/** As `nft -j list set` prints it (man 5 libnftables-json), as far as it matters here. */
interface ListedSets {
  readonly nftables: readonly {
    readonly set?: {
      readonly elem?: readonly {
        readonly elem: { readonly val: { readonly concat: readonly (string | number)[] } };
      }[];
    };
  }[];
}

/**
 * The backends whose hosts have said of late that nobody is there, as `transport host port`: the kernel notes the
 * ICMP errors and the refusals of the connections it forwards in two sets of our table.
 */
export async function unreachableBackends(run: Run): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for (const set of UNREACHABLE) {
    const text = await run('nft', ['-j', 'list', 'set', ...TABLE.split(' '), set]);
    for (const { set: listed } of (JSON.parse(text) as ListedSets).nftables)
      for (const { elem } of listed?.elem ?? []) found.add(elem.val.concat.join(' '));
  }
  return found;
}
