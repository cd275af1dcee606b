import type { Settings } from '@harbor/config';
import { formatPortRange, parsePortRange } from '@harbor/core';
import type { Logger } from '@harbor/log';
import { reservePorts } from '@harbor/machine';

/**
 * Keeps outgoing connections of this machine off the port range: it lies inside Linux's ephemeral range,
 * and a connection that got one of its numbers would make `listen` fail. Best done before Harbor itself
 * connects to anything.
 */
export function keepRangeReserved({ harbor_node }: Settings, log: Logger): void {
  const range = parsePortRange(harbor_node.port_range);
  if (!range) return;
  const outcome = reservePorts(range);
  if (outcome.outcome === 'reserved') {
    log.info(
      { event: 'ports_reserved', range: formatPortRange(range) },
      'net.ipv4.ip_local_reserved_ports now holds the range',
    );
  } else if (outcome.outcome === 'refused') {
    log.warn(
      { event: 'ports_not_reserved', range: formatPortRange(range), command: outcome.command },
      `outgoing connections may take ports of the range; as root run: ${outcome.command}`,
    );
  }
}
