import { watchCertificates, type Certificates, type Served } from '@harbor/certificates';
import { asHarborError } from '@harbor/core';
import { createStdoutLogger, limitedReporter, type Logger } from '@harbor/log';
import { systemClock } from '@harbor/machine';
import { resolve } from 'node:path';
import { setDefaultHighWaterMark } from 'node:stream';
import type { Flags } from './options.js';
import { Proxy } from './server.js';
import { answers } from './upstream/answers.js';

/**
 * How much may wait to be sent on a connection, bytes: with Node's 16 KiB each block read from the application
 * would stop the next one.
 */
const BLOCK = 131_072;

/** What a process that serves has to do with others that serve the same port. */
export interface Part {
  /** Resolves when it is told to end. */
  readonly ended: Promise<void>;
  /** It speaks for all of them in the log. */
  readonly leads: boolean;
  /** How many there are. */
  readonly of: number;
  /** What session tickets are sealed with, so that each of them can open those of the others. */
  readonly ticketKeys?: Buffer;
}

/**
 * Serves HTTPS until it is told to end.
 * Errors: HARBOR_CERTIFICATE_MISSING, HARBOR_CERTIFICATE_INVALID, HARBOR_ADDRESS_IN_USE.
 */
export async function serve(flags: Flags, env: NodeJS.ProcessEnv, part: Part): Promise<void> {
  setDefaultHighWaterMark(false, BLOCK);
  // What concerns all of them one of them says.
  const level = part.leads || flags.logLevel === 'error' ? flags.logLevel : 'warn';
  const log = createStdoutLogger({ name: 'harbor_https_proxy', level });
  const { ended } = part;
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
      onBad: ({ message, code }) => {
        if (part.leads)
          log.error({ event: 'certificate_bad', code }, `${message}; what was served before still is`);
      },
      onFaults: ({ faults }) => {
        if (!part.leads) return;
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
      maxConnections: Math.ceil(flags.maxConnections / part.of),
    },
    proxyProtocol: flags.proxyProtocol,
    ...(part.ticketKeys ? { ticketKeys: part.ticketKeys } : {}),
    upstreamTimeout: flags.upstreamTimeout * 1_000,
    mostUpstream: Math.ceil(flags.upstreamConnections / part.of),
    mostWaiting: Math.ceil(flags.upstreamQueue / part.of),
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
