import type { RelaySettings } from '@harbor/relay';
import type { ProcessContext } from '@harbor/runtime';

/** The data planes' settings as they are now. */
export function relaySettings({ settings }: ProcessContext): RelaySettings {
  const mine = settings.current.harbor_proxy_connector;
  return {
    bindHost: mine.bind_host,
    connectTimeout: mine.connect_timeout,
    idleTimeout: mine.idle_timeout === 'off' ? null : mine.idle_timeout,
    udpIdleTimeout: mine.udp_idle_timeout,
    drainTimeout: mine.drain_timeout,
    maxConnections: mine.max_connections,
  };
}
