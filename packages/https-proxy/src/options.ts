import { HarborError } from '@harbor/core';
import { examples, speakingAs } from '@harbor/terminal';
import { Command, Option } from 'commander';
import { availableParallelism } from 'node:os';

/** What harbor_https_proxy is told. */
export interface Flags {
  readonly listen: { readonly host?: string; readonly port: number };
  readonly to: { readonly host: string; readonly port: number };
  readonly service: string;
  readonly root: string;
  /** s */
  readonly upstreamTimeout: number;
  /** s */
  readonly drainTimeout: number;
  /** s */
  readonly idleTimeout: number;
  /** s */
  readonly headTimeout: number;
  /** KiB */
  readonly headerSize: number;
  readonly maxConnections: number;
  readonly upstreamConnections: number;
  readonly upstreamQueue: number;
  /** Processes. */
  readonly workers: number;
  /** Connections begin with a PROXY protocol header. */
  readonly proxyProtocol: boolean;
  readonly wait: boolean;
  readonly logLevel: string;
}

const ABOUT = `Serves HTTPS with an application's own certificate and passes requests on to its plain HTTP server.
Certificates lie in the folder certs (or cert) of the root: <service>.crt and .key, else harbor.crt and .key.
The passphrase of an encrypted key stands in HARBOR_HTTPS_PROXY_PASSPHRASE, or with _<SERVICE> at its end.`;

/** The command line; every flag has a variable of the same name, too. */
export function command(run: (flags: Flags) => Promise<void>): Command {
  const option = (flag: string, about: string): Option => {
    const name = /--([a-z-]+)/.exec(flag)?.[1] ?? '';
    return new Option(flag, about).env(`HARBOR_HTTPS_PROXY_${name.toUpperCase().replaceAll('-', '_')}`);
  };
  const number = (flag: string, about: string, value: number): Option => {
    const name = /--[a-z-]+/.exec(flag)?.[0] ?? '';
    return option(flag, about)
      .argParser((text) => numeric(name, text))
      .default(value);
  };
  return new Command('harbor_https_proxy')
    .description(ABOUT)
    .exitOverride()
    .configureOutput(speakingAs('harbor_https_proxy'))
    .addOption(
      option('--listen <[HOST:]PORT>', 'where clients come').argParser(listenAddress).makeOptionMandatory(),
    )
    .addOption(
      option('--to <HOST:PORT>', "the application's HTTP server").argParser(address).makeOptionMandatory(),
    )
    .addOption(option('--service <NAME>', 'the service, whose name its certificate has').default('harbor'))
    .addOption(option('--root <DIR>', "the application's root").default('.'))
    .addOption(number('--upstream-timeout <S>', 'until the application has to begin its answer', 60))
    .addOption(number('--drain-timeout <S>', 'for requests under way when it is told to end', 30))
    .addOption(number('--idle-timeout <S>', 'for connections that ask nothing, and clients that stall', 120))
    .addOption(number('--head-timeout <S>', 'for the handshake and the head of a request', 10))
    .addOption(number('--header-size <KIB>', 'how large the head of a request may be', 32))
    .addOption(number('--max-connections <N>', 'how many clients there may be at once', 10_000))
    .addOption(
      number('--upstream-connections <N>', 'how many connections the application gets at once', 10_000),
    )
    .addOption(number('--upstream-queue <N>', 'how many requests may wait for one of them', 10_000))
    .addOption(
      option('--workers <N>', 'how many processes share the work')
        .argParser(workers)
        .default(Math.min(2, availableParallelism())),
    )
    .addOption(
      option('--proxy-protocol', 'connections begin with a PROXY protocol header, v1 or v2').default(false),
    )
    .addOption(option('--wait', 'listen when the application does').default(false))
    .addOption(
      option('--log-level <LEVEL>', 'how much is logged, to stdout, as JSON lines')
        .choices(['debug', 'info', 'warn', 'error'])
        .default('info'),
    )
    .addHelpText(
      'after',
      examples(
        'harbor_https_proxy --listen 4100 --to 127.0.0.1:8080 --service web-https --root /srv/app',
        'HARBOR_HTTPS_PROXY_PASSPHRASE=secret harbor_https_proxy --listen [::]:4100 --to localhost:8080',
      ),
    )
    .action(run);
}

/** Node's timers take no more than 2^31 ms. */
const MOST = 2_000_000;

function numeric(name: string, text: string): number {
  if (!/^\d{1,7}(?:\.\d+)?$/.test(text) || Number(text) === 0 || Number(text) > MOST)
    throw new HarborError('HARBOR_USAGE', `${name} wants a number above 0 and up to ${MOST}, not ${text}`);
  return Number(text);
}

function workers(text: string): number {
  if (!/^(?:[1-9]|[1-5]\d|6[0-4])$/.test(text))
    throw new HarborError('HARBOR_USAGE', `--workers wants a number from 1 to 64, not ${text}`);
  return Number(text);
}

function address(text: string): { host: string; port: number } {
  const [, bracketed, plain, port] = /^(?:\[([0-9a-f:.]+)\]|([^:[\]\s]+)):(\d{1,5})$/i.exec(text) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined || Number(port) > 65_535)
    throw new HarborError('HARBOR_USAGE', `${text} is no HOST:PORT`);
  return { host, port: Number(port) };
}

function listenAddress(text: string): { host?: string; port: number } {
  return /^\d{1,5}$/.test(text) && Number(text) <= 65_535 ? { port: Number(text) } : address(text);
}
