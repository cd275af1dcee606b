import { note } from '@harbor/terminal';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { percentile } from '../figures.js';
import { cpu, machineCpu } from '../processes.js';
import type { Contender } from './contenders.js';
import type { MetricName } from './metrics.js';
import { h2loadTimes, iperfTcp, iperfUdp, sockperf, wrk } from './parse.js';
import { program } from './servers.js';

/** What one measurement of one contender came to. */
export type Found = Partial<Record<MetricName, number>>;

export interface Measurement {
  readonly name: string;
  /** False where the contender cannot do it. */
  readonly fits: (contender: Contender) => boolean;
  readonly run: (contender: Contender, seconds: number) => Promise<Found>;
}

/** Connections at the same time; requests and connections are measured with as many. */
const CONNECTIONS = 64;
/** Requests per second that none of them is busy with: at full load who is slower has fewer to wait for. */
const STEADY_RATE = 20_000;
/** Connects per second, at which nobody is busy. */
const CONNECT_RATE = 300;
/** UDP round trips asked for each second. */
const PING_RATE = 5_000;
/** Of so many requests one may fail before the measurement is none. */
const FAILURES = 0.01;

/** What is measured in each round, in this order. */
export const MEASUREMENTS: readonly Measurement[] = [
  { name: 'throughput up', fits: () => true, run: (each, seconds) => throughput(each, seconds, 'up') },
  { name: 'throughput down', fits: () => true, run: (each, seconds) => throughput(each, seconds, 'down') },
  { name: 'requests', fits: () => true, run: requests },
  { name: 'requests at a rate', fits: () => true, run: steady },
  { name: 'connections', fits: () => true, run: connections },
  { name: 'first byte', fits: () => true, run: firstByte },
  { name: 'UDP flood', fits: forwardsUdp, run: flood },
  { name: 'UDP round trips', fits: forwardsUdp, run: pings },
];

function forwardsUdp({ name }: Contender): boolean {
  return !name.startsWith('haproxy');
}

async function throughput(contender: Contender, seconds: number, way: 'up' | 'down'): Promise<Found> {
  const before = { own: cpu(contender.pids()), machine: machineCpu() };
  const args = ['-t', String(seconds), ...(way === 'down' ? ['-R'] : [])];
  const { bytes, seconds: lasted } = await iperf(contender, args, iperfTcp);
  const own = cpu(contender.pids()) - before.own;
  const machine = machineCpu() - before.machine;
  const gigabytes = bytes / 1e9;
  return {
    [way]: (bytes * 8) / 1e9 / lasted,
    [`${way}Machine`]: machine / gigabytes,
    ...(contender.pids().length === 0 ? {} : { [`${way}Cpu`]: own / gigabytes }),
  };
}

async function requests({ client, host, ports }: Contender, seconds: number): Promise<Found> {
  const found = checked(await client.run('wrk', ...wrkArguments(seconds), `http://${host}:${ports.http}/`));
  return { requests: found.rate, requestP50: found.p50, requestP99: found.p99 };
}

async function steady({ client, host, ports }: Contender, seconds: number): Promise<Found> {
  const log = join(mkdtempSync(join(tmpdir(), 'harbor-bench-')), 'requests');
  try {
    const clients = ['--h1', `-c${CONNECTIONS}`, `-n${STEADY_RATE * seconds}`];
    const rate = ['--rps', String(STEADY_RATE / CONNECTIONS), '--log-file', log];
    await client.run('h2load', ...clients, ...rate, `http://${host}:${ports.http}/`);
    const times = h2loadTimes(readFileSync(log, 'utf8'));
    return { steadyP50: percentile(times, 0.5), steadyP99: percentile(times, 0.99) };
  } finally {
    rmSync(dirname(log), { recursive: true });
  }
}

async function connections({ client, host, ports }: Contender, seconds: number): Promise<Found> {
  const all = [...wrkArguments(seconds), '-H', 'Connection: close', `http://${host}:${ports.http}/`];
  return { connects: checked(await client.run('wrk', ...all)).rate };
}

function wrkArguments(seconds: number): string[] {
  return ['-t1', `-c${CONNECTIONS}`, `-d${seconds}s`, '--latency'];
}

function checked(text: string): ReturnType<typeof wrk> {
  const found = wrk(text);
  if (found.failed > found.requests * FAILURES) throw new Error(`too many requests failed:\n${text}`);
  return found;
}

async function firstByte({ client, host, ports }: Contender, seconds: number): Promise<Found> {
  const [node = '', ...args] = program('connects', host, ports.greet, CONNECT_RATE, seconds);
  const { times, failed } = JSON.parse(await client.run(node, ...args)) as {
    times: number[];
    failed: number;
  };
  if (failed > times.length * FAILURES) throw new Error(`${failed} of ${times.length} connects failed`);
  return { firstByteP50: percentile(times, 0.5), firstByteP99: percentile(times, 0.99) };
}

async function flood(contender: Contender, seconds: number): Promise<Found> {
  const args = ['-t', String(seconds), '-u', '-b', '0', '-l', '64'];
  const { rate, loss } = await iperf(contender, args, iperfUdp);
  return { datagrams: rate, datagramLoss: loss };
}

async function pings({ client, host, ports }: Contender, seconds: number): Promise<Found> {
  const at = ['-i', host, '-p', String(ports.ping), '-t', String(seconds), '-m', '64'];
  const how = [`--mps=${PING_RATE}`, '--reply-every=1', '--full-rtt'];
  const found = sockperf(await client.run('sockperf', 'under-load', ...at, ...how));
  return { pings: found.rate, pingP50: found.p50, pingP99: found.p99 };
}

/** How often iperf3 is tried: its server takes one client at a time, and a health check is one, too. */
const ATTEMPTS = 8;
/** How long its server may need to be ready for the next client, ms. */
const PAUSE = 300;

/** Runs iperf3 and reads what it prints; it ends well where its JSON says that it failed. */
async function iperf<T>(
  { name, client, host, ports }: Contender,
  more: readonly string[],
  read: (text: string) => T,
): Promise<T> {
  const args = ['-c', host, '-p', String(ports.bulk), '--json', ...more];
  for (let attempt = 1; ; attempt++) {
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
    try {
      return read(await client.run('iperf3', ...args));
    } catch (error) {
      if (attempt === ATTEMPTS) throw error;
      note(`lab: ${name}: once more: ${String(error).slice(0, 200)}`);
    }
  }
}
