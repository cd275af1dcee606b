import type { Settings } from '@harbor/config';
import { formatPortRange, parsePortRange } from '@harbor/core';
import {
  hasProgram,
  isReserved,
  openFilesLimit,
  readReserved,
  reserveCommand,
  sysctlNumber,
} from '@harbor/machine';
import { judge, type Finding } from './finding.js';

/** Each open connection needs two files, each port one. */
const FILES = 20_000;
/** The connector asks for as many waiting connections per port. */
const BACKLOG = 4_096;

/** Whether this machine can run Harbor well. */
export function inspectMachine(settings: Settings): Finding[] {
  return [
    inspectNode(),
    ...inspectPrograms(settings),
    inspectFiles(),
    inspectBacklog(),
    inspectRange(settings),
  ];
}

function inspectNode(): Finding {
  const remedy = 'install Node 20 or newer: https://nodejs.org';
  const fine = Number(process.versions.node.split('.')[0]) >= 20;
  return judge('Node', fine, process.version, { state: 'fail', remedy });
}

function inspectPrograms({ harbor_redis, nats_server }: Settings): Finding[] {
  const needed = [
    ...(harbor_redis.url === null ? ([['redis-server', 'redis-server', 'fail']] as const) : []),
    ...(nats_server.url === null ? ([['nats-server', 'nats-server', 'fail']] as const) : []),
    // Without it a killed supervisor leaves its processes behind until it is back.
    ['setpriv', 'util-linux', 'warn'] as const,
  ];
  return needed.map(([program, debian, state]) => {
    const fine = hasProgram(program);
    const remedy = `as root run: apt-get install -y ${debian}`;
    return judge(program, fine, fine ? 'is installed' : 'is not installed', { state, remedy });
  });
}

function inspectFiles(): Finding {
  const limit = openFilesLimit();
  const remedy = `raise it: ulimit -n 1048576, or LimitNOFILE=1048576 in the systemd unit`;
  return judge('open files', limit >= FILES, `a process may open ${limit}`, { state: 'warn', remedy });
}

function inspectBacklog(): Finding {
  const most = sysctlNumber('net/core/somaxconn') ?? 0;
  const remedy = `as root run: sysctl -w net.core.somaxconn=${BACKLOG}`;
  return judge('waiting connections', most >= BACKLOG, `the kernel keeps ${most} per port`, {
    state: 'warn',
    remedy,
  });
}

function inspectRange({ harbor_node }: Settings): Finding {
  const check = 'ephemeral ports';
  const range = parsePortRange(harbor_node.port_range);
  const reserved = readReserved();
  if (!range || !reserved) return { check, state: 'ok', found: 'this kernel reserves no ports' };
  const text = formatPortRange(range);
  const fine = isReserved(reserved, range);
  const found = fine
    ? `${text} is kept free of outgoing connections`
    : `an outgoing connection may take a port of ${text}`;
  return judge(check, fine, found, {
    state: 'warn',
    remedy: `as root run: ${reserveCommand(reserved, range)}`,
  });
}
