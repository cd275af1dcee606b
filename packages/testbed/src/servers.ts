import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from './eventually.js';
import { freePort } from './ports.js';

/** A real server on a free port of this machine, ended with the test. */
export interface TestServer {
  readonly port: number;
  readonly url: string;
  readonly pid: number;
  /** Ends it as a crash would. */
  kill(): Promise<void>;
  /** Starts it again on the same port, with the same data. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** A directory of the test's own. */
export function temporaryDirectory(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'harbor-'));
  // What a killed server has forked may write on for a moment.
  return {
    path,
    remove: () => rmSync(path, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 }),
  };
}

/** redis-server as Harbor runs it: every write is on disk before it is acknowledged. */
export async function startRedis(): Promise<TestServer> {
  const directory = temporaryDirectory();
  const port = await freePort();
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--dir', directory.path];
  args.push('--appendonly', 'yes', '--appendfsync', 'always', '--save', '', '--daemonize', 'no');
  return serve(
    `redis://127.0.0.1:${port}`,
    port,
    () => spawn('redis-server', args, { stdio: 'ignore' }),
    () => directory.remove(),
  );
}

/** nats-server with its defaults, and with these arguments: `--user`, `--tls` … */
export async function startNats(more: readonly string[] = []): Promise<TestServer> {
  const port = await freePort();
  const args = ['--addr', '127.0.0.1', '--port', String(port), ...more];
  return serve(
    `nats://127.0.0.1:${port}`,
    port,
    () => spawn('nats-server', args, { stdio: 'ignore' }),
    () => undefined,
  );
}

/** Starts a server, and resolves when its port accepts connections. */
export async function serve(
  url: string,
  port: number,
  launch: () => ChildProcess,
  clean: () => void,
): Promise<TestServer> {
  let child = launch();
  await eventually(`${url} to listen`, () => accepts(port));
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await exited;
  };
  return {
    port,
    url,
    get pid() {
      return child.pid ?? 0;
    },
    kill: () => end('SIGKILL'),
    async start() {
      await end('SIGKILL');
      child = launch();
      await eventually(`${url} to listen again`, () => accepts(port));
    },
    async stop() {
      await end('SIGTERM');
      clean();
    },
  };
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
