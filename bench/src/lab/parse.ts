/** What the tools print, as numbers. Nothing here runs anything. */

interface Sum {
  readonly bytes: number;
  readonly seconds: number;
  readonly packets?: number;
  readonly lost_packets?: number;
}

interface Iperf {
  readonly error?: string;
  readonly end?: { readonly sum?: Sum; readonly sum_received?: Sum; readonly sum_sent?: Sum };
}

/** What arrived in a TCP run of `iperf3 --json`: bytes, and s. */
export function iperfTcp(text: string): { readonly bytes: number; readonly seconds: number } {
  const sum = iperfEnd(text).sum_received;
  if (sum === undefined) throw new Error('iperf3 says nothing of what was received');
  return { bytes: sum.bytes, seconds: sum.seconds };
}

/** A UDP run of `iperf3 --json`: datagrams that arrived per second, and the share that was lost, %. */
export function iperfUdp(text: string): { readonly rate: number; readonly loss: number } {
  const end = iperfEnd(text);
  const { packets = 0, lost_packets = 0, seconds } = end.sum_received ?? end.sum ?? { seconds: 0 };
  // The sender counts what it sent, the receiver only up to the last datagram that came.
  const sent = Math.max(packets, end.sum_sent?.packets ?? 0, end.sum?.packets ?? 0);
  if (packets === 0 || seconds === 0) return { rate: 0, loss: 100 };
  const arrived = packets - lost_packets;
  return { rate: arrived / seconds, loss: ((sent - arrived) / sent) * 100 };
}

function iperfEnd(text: string): NonNullable<Iperf['end']> {
  const { error, end } = JSON.parse(text) as Iperf;
  if (error !== undefined) throw new Error(`iperf3: ${error}`);
  if (end === undefined) throw new Error('iperf3 printed no result');
  return end;
}

/** A run of `wrk --latency`: requests per second, ms, and how many requests and failures there were. */
export interface Wrk {
  readonly rate: number;
  readonly p50: number;
  readonly p99: number;
  readonly requests: number;
  readonly failed: number;
}

export function wrk(text: string): Wrk {
  const errors = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text) ?? [];
  const refused = /Non-2xx or 3xx responses: (\d+)/.exec(text)?.[1] ?? '0';
  return {
    rate: Number(found(text, /Requests\/sec:\s+([\d.]+)/, 'wrk: requests per second')),
    p50: duration(found(text, /^\s+50%\s+(\S+)/m, 'wrk: the median')),
    p99: duration(found(text, /^\s+99%\s+(\S+)/m, 'wrk: p99')),
    requests: Number(found(text, /(\d+) requests in/, 'wrk: how many requests')),
    failed: [...errors.slice(1), refused].reduce((sum, each) => sum + Number(each), 0),
  };
}

const UNITS: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1_000, m: 60_000 };

/** `184.00us`, as wrk writes it, in ms. */
function duration(text: string): number {
  const [, value, unit = ''] = /^([\d.]+)(us|ms|s|m)$/.exec(text) ?? [];
  return Number(value) * (UNITS[unit] ?? NaN);
}

/** A run of `sockperf under-load --full-rtt --reply-every=1`: round trips in ms, answers per second. */
export interface Sockperf {
  readonly p50: number;
  readonly p99: number;
  readonly rate: number;
  /** Questions without an answer, %. */
  readonly loss: number;
}

export function sockperf(text: string): Sockperf {
  const valid = /\[Valid Duration\] RunTime=([\d.]+) sec; SentMessages=(\d+); ReceivedMessages=(\d+)/.exec(
    text,
  );
  const [seconds, sent, received] = (valid ?? []).slice(1).map(Number);
  if (!seconds || !sent || received === undefined) throw new Error(`sockperf: no result in\n${text}`);
  const at = (share: string): number =>
    Number(found(text, new RegExp(`percentile ${share}\\s*=\\s*([\\d.]+)`), `sockperf: ${share} %`)) / 1_000;
  return {
    p50: at('50\\.000'),
    p99: at('99\\.000'),
    rate: received / seconds,
    loss: ((sent - received) / sent) * 100,
  };
}

function found(text: string, pattern: RegExp, what: string): string {
  const [, value] = pattern.exec(text) ?? [];
  if (value === undefined) throw new Error(`${what} is not in\n${text}`);
  return value;
}

/** The times of all requests, ms, as `h2load --log-file` writes them: start, status, time, the last two in µs. */
export function h2loadTimes(text: string): number[] {
  const rows = text.split('\n').filter((line) => line !== '');
  const times = rows
    .map((line) => line.split('\t'))
    .map(([, status, time]) => {
      if (status !== '200') throw new Error(`h2load: a request ended with ${status ?? 'nothing'}`);
      return Number(time) / 1_000;
    });
  if (times.length === 0) throw new Error('h2load made no request');
  return times;
}
