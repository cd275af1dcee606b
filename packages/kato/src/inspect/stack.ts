import { asHarborError } from '@harbor/core';
import { withBus, withStore, type Place } from '@harbor/runtime';
import type { Settings } from '@harbor/config';
import { readStatus, type Status } from '../cli/status.js';
import { judge, type Finding } from './finding.js';
import { inspectPlane } from './plane.js';

/** Whether what is running does its work. */
export async function inspectStack(place: Place, settings: Settings): Promise<Finding[]> {
  const status = await readStatus(place);
  const processes = status.roles.flatMap((role) => role.processes);
  if (processes.every(({ state }) => state === 'STOPPED'))
    return [
      { check: 'processes', state: 'ok', found: 'Harbor is not running; start it with: kato start' },
      await inspectPlane(place, settings, false),
    ];
  const connected = processes.some(
    ({ name, state }) => name === 'harbor_proxy_connector' && state === 'RUNNING',
  );
  // At once: where several are frozen, the one that takes longest is waited for.
  const [redis, nats, plane] = await Promise.all([
    reached('Redis', () => withStore(place, (store) => store.ping())),
    reached('NATS', () => withBus(place, settings, (bus) => bus.flush())),
    inspectPlane(place, settings, connected),
  ]);
  return [
    ...processes.map(({ name, state }) =>
      judge(name, state === 'RUNNING', state, {
        state: 'fail',
        remedy: `kato log tail ${name}, then: kato process start ${name}`,
      }),
    ),
    redis,
    nats,
    plane,
    ...inspectPorts(status),
  ];
}

function inspectPorts({ ports }: Status): Finding[] {
  const { free, conflicts } = ports;
  const room = judge('free ports', (free ?? 1) > 0, `${free ?? '?'} of ${ports.range}`, {
    state: 'warn',
    remedy: 'kato config set harbor_node port_range LOW-HIGH, or delete services no longer used',
  });
  const held = conflicts.map(({ port, protocol, service, pid, command }): Finding => ({
    check: 'port conflict',
    state: 'fail',
    found: `${protocol}/${port} of service ${service} is held by pid ${pid ?? '?'} (${command ?? 'not to be seen'})`,
    remedy: 'end that process; the port is then served by itself',
  }));
  return [room, ...held];
}

async function reached(check: string, ask: () => Promise<unknown>): Promise<Finding> {
  try {
    await ask();
    return { check, state: 'ok', found: 'answers' };
  } catch (thrown) {
    const { message, entry } = asHarborError(thrown);
    return { check, state: 'fail', found: message, remedy: entry.remedy };
  }
}
