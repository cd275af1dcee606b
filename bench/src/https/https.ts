import { makeCertificate } from '@harbor/certificates';
import { CHECKOUT, eventually, freePort, runCommand, startCommand, type Scope } from '@harbor/testbed';
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { median, type Figure } from '../figures.js';
import { configure, directory } from '../lab/servers.js';
import { memory, tree } from '../processes.js';
import { h2load } from './parse.js';

export interface HttpsOptions {
  readonly rounds: number;
  /** Each measurement, s. */
  readonly seconds: number;
}

/** Harbor as it is shipped, with one process only, and one worker of nginx. */
const WHO = ['harbor', 'harbor, one worker', 'nginx'] as const;
type Who = (typeof WHO)[number];

interface Contender {
  readonly name: Who;
  readonly port: number;
  readonly pid: number;
}

const BIG = 1e9;
const IDLE = 1_000;
/** Connections made at once to count how many a second there can be. */
const NEW = 1_000;

/** What each kind of measurement is called, and how much of nginx's figure is the goal. */
const KINDS = {
  h1: { name: 'HTTP/1.1 requests', unit: '1/s', atLeast: 0.6 },
  h2: { name: 'HTTP/2 requests', unit: '1/s', atLeast: 0.6 },
  connections: { name: 'new TLS connections', unit: '1/s', atLeast: 0.7 },
  download: { name: 'download of 1 GB', unit: 'MB/s', atLeast: 0.8 },
} as const;

type Kind = keyof typeof KINDS;

/** The HTTPS proxy beside one worker of nginx: the same certificate, the same server behind all. */
export async function benchHttps(scope: Scope, { rounds, seconds }: HttpsOptions): Promise<Figure[]> {
  const contenders = await start(scope);
  const samples = new Map<string, number[]>();
  for (let round = 0; round < rounds; round++)
    for (const kind of Object.keys(KINDS) as Kind[])
      for (const contender of contenders) {
        const key = `${kind} ${contender.name}`;
        samples.set(key, [...(samples.get(key) ?? []), await measure(kind, contender, seconds)]);
      }
  const figures = (Object.keys(KINDS) as Kind[]).flatMap((kind) => compare(kind, samples));
  for (const contender of contenders) figures.push(await idle(scope, contender));
  return figures;
}

async function start(scope: Scope): Promise<Contender[]> {
  const into = directory(scope);
  mkdirSync(join(into, 'certs'));
  const { certificate, key } = makeCertificate({
    name: 'localhost',
    names: ['localhost'],
    days: 30,
    now: new Date(),
  });
  writeFileSync(join(into, 'certs/harbor.crt'), certificate);
  writeFileSync(join(into, 'certs/harbor.key'), key);
  writeFileSync(join(into, 'big'), '');
  truncateSync(join(into, 'big'), BIG);
  const [backend, tls] = [await freePort(), await freePort()];
  const nginx = (name: string, http: string): string[] => {
    const made = configure('https.conf', into, { directory: into, name, workers: 1, http });
    return ['nginx', '-c', made, '-e', join(into, `${name}.log`)];
  };
  await serve(
    scope,
    nginx(
      'backend',
      `server { listen 127.0.0.1:${backend}; location = / { return 200 "hello\\n"; } location /big { root ${into}; } }`,
    ),
    backend,
  );
  const pair = `ssl_certificate ${into}/certs/harbor.crt; ssl_certificate_key ${into}/certs/harbor.key;`;
  const pass = `proxy_pass http://backend; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host; proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Proto https;`;
  const front = `upstream backend { server 127.0.0.1:${backend}; keepalive 128; keepalive_requests 100000000; } server { listen 127.0.0.1:${tls} ssl http2 backlog=4096; ${pair} location / { ${pass} } }`;
  const nginxPid = await serve(scope, nginx('front', front), tls);
  const harbor = async (name: Who, ...flags: readonly string[]): Promise<Contender> => {
    const port = await freePort();
    const program = join(CHECKOUT, 'bin/harbor_https_proxy');
    const where = ['--listen', `127.0.0.1:${port}`, '--to', `127.0.0.1:${backend}`, '--root', into];
    return { name, port, pid: await serve(scope, [process.execPath, program, ...where, ...flags], port) };
  };
  return [
    await harbor('harbor'),
    await harbor('harbor, one worker', '--workers', '1'),
    { name: 'nginx', port: tls, pid: nginxPid },
  ];
}

async function serve(
  scope: Scope,
  [program = '', ...args]: readonly string[],
  port: number,
): Promise<number> {
  const child = startCommand(program, args, { stdio: 'ignore' });
  const ended = new Promise((done) => child.once('exit', done));
  scope.teardown(() => {
    child.kill('SIGTERM');
    return ended;
  });
  await eventually(`${program} to listen on ${port}`, () => listens(port));
  return child.pid ?? 0;
}

function listens(port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => done(true)).once('error', () => done(false));
    socket.once('connect', () => socket.destroy());
  });
}

async function measure(kind: Kind, { port }: Contender, seconds: number): Promise<number> {
  const url = `https://127.0.0.1:${port}/`;
  if (kind === 'download') {
    const words = [
      '-sk',
      '--http1.1',
      '-o',
      '/dev/null',
      '-w',
      '%{size_download} %{speed_download}',
      `${url}big`,
    ];
    const [size, speed] = (await runCommand('curl', words)).stdout.split(' ').map(Number);
    if (size !== BIG) throw new Error(`the download of ${url} broke off`);
    return (speed ?? NaN) / 1e6;
  }
  const words = {
    h1: ['--h1', '-c', '32', '-D', String(seconds)],
    h2: ['-c', '16', '-m', '16', '-D', String(seconds)],
    connections: ['--h1', '-c', String(NEW), '-n', String(NEW)],
  }[kind];
  const { rate, failed } = h2load((await runCommand('h2load', ['-t', '1', ...words, url])).stdout);
  if (failed > 0) throw new Error(`${failed} requests of ${kind} failed`);
  return rate;
}

function compare(kind: Kind, samples: ReadonlyMap<string, readonly number[]>): Figure[] {
  const { name, unit, atLeast } = KINDS[kind];
  const of = (who: Who): readonly number[] => samples.get(`${kind} ${who}`) ?? [];
  const each = (who: string, values: readonly number[]): Figure => ({
    name: `${name}, ${who}`,
    group: name,
    value: median(values),
    low: Math.min(...values),
    high: Math.max(...values),
    unit,
  });
  // Each round's own ratio: what else the machine does concerns both alike.
  const ratio = (who: Who): Figure => {
    const ratios = of(who).map((value, at) => value / (of('nginx')[at] ?? NaN));
    return { ...each(`${who} ÷ nginx`, ratios), unit: '×' };
  };
  const [shipped, alone] = WHO;
  return [...WHO.map((who) => each(who, of(who))), { ...ratio(shipped), atLeast }, ratio(alone)];
}

/** Memory that idle connections of HTTP/2 take, with the process itself. */
async function idle(scope: Scope, { name, port, pid }: Contender): Promise<Figure> {
  const before = memory(tree(pid));
  const program = fileURLToPath(new URL('./programs/idle-http2.js', import.meta.url));
  const child = startCommand(process.execPath, [program, String(port), String(IDLE)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  scope.teardown(() => child.kill('SIGKILL'));
  await new Promise((done) => child.stdout?.once('data', done));
  const value = memory(tree(pid)) - before;
  child.kill('SIGKILL');
  const goal = name === 'harbor' ? { atMost: 100 } : {};
  return {
    name: `${IDLE} idle HTTP/2 connections, ${name}`,
    group: 'memory',
    value,
    unit: 'MB',
    note: `${before.toFixed(0)} MB before`,
    ...goal,
  };
}
