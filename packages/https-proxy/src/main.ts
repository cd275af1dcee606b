import { watchCertificates, type Certificates, type Served } from '@harbor/certificates';
import { asHarborError } from '@harbor/core';
import { createStdoutLogger, limitedReporter, type Logger } from '@harbor/log';
import { systemClock } from '@harbor/machine';
import { fail } from '@harbor/terminal';
import { CommanderError } from 'commander';
import { connect } from 'node:net';
import { resolve } from 'node:path';
import { setDefaultHighWaterMark } from 'node:stream';
import { command, type Flags } from './options.js';
import { Proxy } from './server.js';

/**
 * How much may wait to be sent on a connection, bytes: with Node's 16 KiB each block read from the application
 * would stop the next one.
 */
const BLOCK = 131_072;

/** harbor_https_proxy: HTTPS in front of an application that speaks plain HTTP. Runs until SIGTERM. */
export async function main(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  try {
    await command((flags) => run(flags, env)).parseAsync([...argv], { from: 'user' });
  } catch (thrown) {
    if (thrown instanceof CommanderError) process.exitCode = thrown.exitCode === 0 ? 0 : 2;
    else fail('harbor_https_proxy', thrown);
  }
}

async function run(flags: Flags, env: NodeJS.ProcessEnv): Promise<void> {
  setDefaultHighWaterMark(false, BLOCK);
  const log = createStdoutLogger({ name: 'harbor_https_proxy', level: flags.logLevel });
  const ended = untilSignal();
  const { service, to } = flags;
  const root = resolve(flags.root);
  const started: { proxy?: Proxy } = {};
  const certificates: Certificates = watchCertificates(
    { root, service, env, clock: systemClock },
    {
      onChange: (served) => {
        started.proxy?.renew();
        log.info({ event: 'certificate', ...about(served) }, 'a new certificate is served');
      },
      onBad: ({ message, code }) =>
        log.error({ event: 'certificate_bad', code }, `${message}; what was served before still is`),
      onFaults: ({ faults }) => {
        for (const { kind, file, message } of faults)
          log.warn({ event: 'certificate_fault', kind, file }, message);
      },
    },
  );
  // Whatever one request brings, the others go on.
  process.on('uncaughtException', (thrown) =>
    log.error({ event: 'crash', err: asHarborError(thrown) }, 'a request failed in a way not foreseen'),
  );
  if (flags.wait && !(await Promise.race([ended.then(() => false), answers(to)]))) process.exit(0);
  const proxy = new Proxy({
    listen: flags.listen,
    to,
    limits: {
      headerSize: flags.headerSize * 1_024,
      headTimeout: flags.headTimeout * 1_000,
      idleTimeout: flags.idleTimeout * 1_000,
      maxConnections: flags.maxConnections,
    },
    upstreamTimeout: flags.upstreamTimeout * 1_000,
    certificates,
    clock: systemClock,
    reporter: limitedReporter(systemClock, log),
  });
  started.proxy = proxy;
  const port = await proxy.listen();
  log.info(
    { event: 'ready', port, service, upstream: `${to.host}:${to.port}`, ...about(certificates.served) },
    `HTTPS for ${service} on port ${port}, passed on to ${to.host}:${to.port}`,
  );
  await ended;
  await drain(proxy, certificates, log, flags.drainTimeout * 1_000);
}

async function drain(proxy: Proxy, certificates: Certificates, log: Logger, patience: number): Promise<void> {
  log.info({ event: 'stopping' }, 'no new connections; those under way may end');
  await proxy.close(patience);
  certificates.close();
  log.info({ event: 'stopped' }, 'it has ended');
  process.exit(0);
}

function about({ leaves }: Served): object {
  return {
    certificates: leaves.map(({ file, certificate: { names, until, fingerprint } }) => ({
      file,
      names,
      until: until.toISOString(),
      fingerprint,
    })),
  };
}

function untilSignal(): Promise<void> {
  return new Promise((done) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => done());
  });
}

/** How often it is tried whether the application listens, ms. */
const TRY = 100;

/** Resolves when the application's server takes connections. */
async function answers(to: { host: string; port: number }): Promise<boolean> {
  for (;;) {
    const accepted = await new Promise<boolean>((done) => {
      const socket = connect(to)
        .once('connect', () => done(true))
        .once('error', () => done(false))
        .once('close', () => done(false));
      socket.once('connect', () => socket.destroy());
    });
    if (accepted) return true;
    await new Promise<void>((done) => void systemClock.schedule(TRY, done));
  }
}
