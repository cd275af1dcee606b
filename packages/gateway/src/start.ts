import { firstExternalIPv4, portHolder } from '@harbor/machine';
import { HarborError, type Clock, type Kind } from '@harbor/core';
import type { Store } from '@harbor/store';
import { parseQuotas } from '@harbor/wire';
import type { FastifyInstance } from 'fastify';
import type { Account, Log, MessageBus } from './dependencies.js';
import { Gateway } from './gateway.js';

/** What the gateway reads of the shared state. */
const KINDS: readonly Kind[] = [
  'instance',
  'binding',
  'service',
  'backend',
  'name',
  'cooling',
  'quota',
  'node',
];

/** What the process gives the gateway to work with. */
export interface GatewayContext {
  readonly store: Pick<Store, 'commit' | 'follow'>;
  readonly bus: MessageBus;
  readonly clock: Clock;
  readonly log: Log;
  /** The settings as they are at each moment. */
  readonly settings: {
    readonly current: {
      readonly cluster: { readonly service_name: string };
      readonly harbor_gateway: Account & {
        readonly host: string;
        readonly port: number;
        readonly token: string;
        readonly url: string | null;
        readonly cloud_controller_uri: string | null;
        readonly quotas?: string | null;
      };
    };
  };
  /** Calls the listener when NATS has gone away, and when it is back. */
  onBus(listener: (connected: boolean) => void): void;
}

/** Resolves when the gateway answers requests. Errors: HARBOR_ADDRESS_IN_USE, HARBOR_REDIS_UNAVAILABLE. */
export async function startGateway(context: GatewayContext) {
  const { store, bus, clock, log, settings } = context;
  const follower = await store.follow(KINDS, {
    onReset: () => undefined,
    onChange: () => undefined,
    onAway: (err) => {
      log.warn({ event: 'redis_away', err }, 'Redis is away; reads go on with what is known');
    },
    onBack: () => {
      log.info({ event: 'redis_back' }, 'Redis is back');
    },
    onCorrupt: (err) => {
      log.error({ event: 'record_corrupt', err }, err.message);
    },
  });
  const account = () => settings.current.harbor_gateway;
  const { host, port, url, cloud_controller_uri: uri } = settings.current.harbor_gateway;
  const address = `${reachable(host)}:${port}`;
  const gateway = new Gateway({
    ...{ store, follower, bus, clock, log, account },
    token: () => account().token,
    service: settings.current.cluster.service_name,
    address: () => address,
    quotas: () => parseQuotas(settings.current.harbor_gateway.quotas ?? '') ?? {},
    ...(uri === null ? {} : { cloud: { uri, url: () => url ?? `http://${address}` } }),
  });
  const stop = async (): Promise<void> => {
    await gateway.stop();
    follower.close();
  };
  try {
    await listen(gateway.server, host, port);
    log.info({ event: 'listening', host, port }, `harbor_gateway listens on ${host}:${port}`);
  } catch (error) {
    await stop();
    throw error;
  }
  gateway.start();
  context.onBus((connected) => {
    if (connected) gateway.reconnected();
  });
  return { gateway, stop };
}

/** The address others reach this machine at, where the gateway listens on all of them. */
function reachable(host: string): string {
  if (host === '0.0.0.0' || host === '::') return firstExternalIPv4() ?? '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}

async function listen(server: FastifyInstance, host: string, port: number): Promise<void> {
  try {
    await server.listen({ host, port });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw cause;
    const key = 'harbor_gateway port (HARBOR_GATEWAY_PORT)';
    const [holder] = portHolder({ port, protocol: 'tcp' });
    const by = holder ? `pid ${holder.pid} (${holder.command}) has` : 'another process has';
    const message = `harbor_gateway cannot listen on ${host}:${port}, ${by} the port; end it, or change ${key}`;
    throw new HarborError('HARBOR_ADDRESS_IN_USE', message, { cause, details: { host, port, key } });
  }
}
