import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestCertificates } from './certificates.js';
import { runCommand } from './commands.js';
import { eventually } from './eventually.js';
import { freePort } from './ports.js';
import { serve, temporaryDirectory, type TestServer } from './servers.js';

/** Several servers that stand for one. */
export interface TestCluster {
  readonly servers: readonly TestServer[];
  /** What an operator configures. */
  readonly url: string;
  stop(): Promise<void>;
}

/** NATS servers that know each other. */
export async function startNatsCluster(count = 3, tls?: TestCertificates): Promise<TestCluster> {
  const ports = await Promise.all(Array.from({ length: count }, freePort));
  const cluster = await Promise.all(Array.from({ length: count }, freePort));
  const routes = cluster.map((port) => `nats://127.0.0.1:${port}`);
  const secured = tls ? ['--tls', '--tlscert', tls.cert, '--tlskey', tls.key] : [];
  const servers = await Promise.all(
    ports.map((port, at) => {
      const args = ['--addr', '127.0.0.1', '--port', String(port), '--cluster_name', 'test', ...secured];
      const joins = ['--cluster', routes[at] ?? '', '--routes', routes.join(',')];
      const launch = () => spawn('nats-server', [...args, ...joins], { stdio: 'ignore' });
      return serve(`${tls ? 'tls' : 'nats'}://127.0.0.1:${port}`, port, launch, () => undefined);
    }),
  );
  return { servers, url: servers.map(({ url }) => url).join(','), stop: () => stopAll(servers) };
}

/** A primary with replicas, and the sentinels that watch them. */
export interface TestSentinels extends TestCluster {
  readonly sentinels: readonly TestServer[];
  /** The server that the sentinels take for the primary; undefined where they are not at one. */
  primary(): Promise<TestServer | undefined>;
  /** Resolves when the primary has as many replicas that keep up. */
  replicated(count?: number): Promise<void>;
}

const NAME = 'main';

/** How long servers may take to find each other on a busy machine; on an idle one it is some ten seconds. */
const PATIENCE = 60_000;

/** Redis as docs/operating.md asks an operator to run it where it fails over. */
export async function startSentinels(replicas = 1, tls?: TestCertificates): Promise<TestSentinels> {
  const directory = temporaryDirectory();
  const ports = await Promise.all(Array.from({ length: replicas + 1 }, freePort));
  const watching = await Promise.all(Array.from({ length: 3 }, freePort));
  const first = ports[0] ?? 0;
  const launch = async (port: number, lines: readonly string[], ...more: string[]): Promise<TestServer> => {
    const file = join(directory.path, `${port}.conf`);
    writeFileSync(file, [...listening(port, tls), `dir ${directory.path}`, ...lines, ''].join('\n'));
    const start = () => spawn('redis-server', [file, ...more], { stdio: 'ignore' });
    return serve(`redis://127.0.0.1:${port}`, port, start, () => undefined);
  };
  const servers = await Promise.all(
    ports.map((port) =>
      launch(port, [...REPLICATED(port), ...(port === first ? [] : [`replicaof 127.0.0.1 ${first}`])]),
    ),
  );
  const sentinels = await Promise.all(watching.map((port) => launch(port, watch(first), '--sentinel')));
  const ask = async (port: number, ...command: string[]): Promise<string> => {
    const secured = tls ? ['--tls', '--cacert', tls.ca] : [];
    return (await runCommand('redis-cli', ['-p', String(port), ...secured, ...command])).stdout;
  };
  const primary = async (): Promise<TestServer | undefined> => {
    const said = await Promise.all(
      sentinels.map(({ port }) => ask(port, 'sentinel', 'get-master-addr-by-name', NAME)),
    );
    const named = new Set(said.filter((text) => text.startsWith('127.')).map((text) => text.split('\n')[1]));
    return named.size === 1 ? servers.find(({ port }) => named.has(String(port))) : undefined;
  };
  const replicated = async (count = replicas): Promise<void> => {
    const kept = async (): Promise<boolean> => {
      const info = await ask((await primary())?.port ?? 0, 'info', 'replication');
      return info.includes('role:master') && info.includes(`min_slaves_good_slaves:${count}`);
    };
    await eventually(`a primary with ${count} replicas`, kept, PATIENCE);
    // Sentinels find replicas in what the primary says of them every ten seconds.
    const known = async (): Promise<boolean> => {
      const said = (what: string) =>
        Promise.all(sentinels.map(({ port }) => ask(port, 'sentinel', what, NAME)));
      const [replicas, others] = [await said('replicas'), await said('sentinels')];
      return (
        replicas.every((text) => text.split('runid\n').length > count) &&
        others.every((text) => text.split('runid\n').length === 3)
      );
    };
    await eventually('the sentinels to know all', known, PATIENCE);
  };
  const hosts = sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',');
  const url = `redis${tls ? 's' : ''}+sentinel://${hosts}/${NAME}`;
  const stop = async (): Promise<void> => {
    await stopAll([...sentinels, ...servers]);
    directory.remove();
  };
  return { servers, sentinels, url, primary, replicated, stop };
}

const REPLICATED = (port: number): readonly string[] => [
  `appenddirname aof-${port}`,
  `dbfilename ${port}.rdb`,
  'appendonly yes',
  'appendfsync always',
  'save ""',
  'min-replicas-to-write 1',
  'min-replicas-max-lag 5',
  'repl-diskless-sync-delay 0',
];

function watch(port: number): readonly string[] {
  return [
    `sentinel monitor ${NAME} 127.0.0.1 ${port} 2`,
    `sentinel down-after-milliseconds ${NAME} 1000`,
    `sentinel failover-timeout ${NAME} 4000`,
  ];
}

function listening(port: number, tls: TestCertificates | undefined): readonly string[] {
  if (!tls) return ['bind 127.0.0.1', `port ${port}`];
  return [
    'bind 127.0.0.1',
    'port 0',
    `tls-port ${port}`,
    `tls-cert-file ${tls.cert}`,
    `tls-key-file ${tls.key}`,
    `tls-ca-cert-file ${tls.ca}`,
    'tls-auth-clients no',
    'tls-replication yes',
  ];
}

async function stopAll(servers: readonly TestServer[]): Promise<void> {
  // A replica that writes its first append-only file refuses to end.
  await Promise.all(servers.map((each) => each.kill()));
}
