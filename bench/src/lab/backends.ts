import type { LabHost, Scope } from '@harbor/testbed';
import { configure, directory, program, serve } from './servers.js';

/** What the backend host serves, and where: the proxies listen on the same numbers. */
export const PORTS = {
  /** iperf3, TCP and UDP. */
  bulk: 5_201,
  /** nginx, HTTP. */
  http: 8_080,
  /** nginx, says one byte to each who connects. */
  greet: 7_000,
  /** Holds connections open. */
  hold: 9_000,
  /** sockperf, UDP. */
  ping: 11_111,
} as const;

export type Target = keyof typeof PORTS;

/** Starts the same backends on the host `one` of a lab. */
export async function startBackends(scope: Scope, one: LabHost): Promise<void> {
  const here = directory(scope);
  const config = configure('nginx-backend.conf', here, { ...PORTS, one: one.ipv4, dir: here });
  await serve(scope, one, ['nginx', '-c', config], { tcp: PORTS.http });
  await serve(scope, one, ['iperf3', '-s', '-B', one.ipv4, '-p', String(PORTS.bulk)], { tcp: PORTS.bulk });
  await serve(scope, one, program('backend', one.ipv4, `held=${PORTS.hold}`), { tcp: PORTS.hold });
  const ping = ['sockperf', 'server', '-i', one.ipv4, '-p', String(PORTS.ping)];
  await serve(scope, one, ping, { udp: PORTS.ping });
}
