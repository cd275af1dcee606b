import { natsAccess, type Component, type Settings } from '@harbor/config';
import { Bus } from '@harbor/bus';
import { HarborError } from '@harbor/core';
import { hasProgram, portHolder } from '@harbor/machine';
import { openStore, type Place } from '@harbor/runtime';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ProcessName } from './catalogue.js';
import { renderNatsConfig, renderRedisConfig } from './server-config.js';

/** How a process is started and how one knows that it serves. */
export interface ProcessSpec {
  readonly command: string;
  readonly args: readonly string[];
  /** Undefined where it says so itself (`{type: 'ready'}` over IPC); otherwise resolves when it serves. */
  readonly probe?: () => Promise<void>;
  /** The log people read. */
  readonly log: string;
}

const BIN = join(fileURLToPath(new URL('.', import.meta.url)), '../../../../../bin');

/**
 * Makes everything ready to start a process: its configuration is written, its port is free, its program
 * is installed. Errors: HARBOR_ADDRESS_IN_USE, HARBOR_TOOL_MISSING.
 */
export function prepare(name: ProcessName, place: Place, settings: Settings): ProcessSpec {
  const log = join(place.home.logs, `${name}.log`);
  switch (name) {
    case 'harbor_redis':
      return { ...prepareRedis(place, settings), log };
    case 'nats_server':
      return { ...prepareNats(place, settings), log };
    case 'harbor_gateway':
      needFreePort('harbor_gateway', settings.harbor_gateway.port);
      return { command: process.execPath, args: [join(BIN, name)], log };
    case 'harbor_node':
    case 'harbor_proxy_connector':
      return { command: process.execPath, args: [join(BIN, name)], log };
  }
}

function prepareRedis(place: Place, settings: Settings) {
  needTool('redis-server', 'redis-server');
  needFreePort('harbor_redis', settings.harbor_redis.port);
  const dir = join(place.home.var, 'redis');
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const file = join(dir, 'redis.conf');
  writeFileSync(file, renderRedisConfig(place.home, settings, place.secrets), { mode: 0o600 });
  return {
    command: 'redis-server',
    args: [file],
    probe: async () => {
      const store = openStore(place, settings, () => undefined);
      await store.ping().finally(() => store.close());
    },
  };
}

function prepareNats(place: Place, settings: Settings) {
  needTool('nats-server', 'nats-server');
  needFreePort('nats_server', settings.nats_server.port);
  const dir = join(place.home.var, 'nats');
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const file = join(dir, 'nats.conf');
  writeFileSync(file, renderNatsConfig(place.home, settings, place.secrets), { mode: 0o600 });
  const events = { onInvalid: () => undefined, onError: () => undefined };
  return {
    command: 'nats-server',
    args: ['-c', file],
    probe: async () => {
      const access = natsAccess(settings, place.secrets);
      const bus = await Bus.open({ ...access, name: 'kato', waitForServer: false, events });
      await bus.close();
    },
  };
}

function needTool(command: string, debianPackage: string): void {
  if (hasProgram(command)) return;
  throw new HarborError(
    'HARBOR_TOOL_MISSING',
    `${command} is not installed; as root run: apt-get install -y ${debianPackage}`,
  );
}

function needFreePort(component: Component, port: number): void {
  const [holder] = portHolder({ port, protocol: 'tcp' }).filter(({ state }) => state === 'LISTEN');
  if (!holder) return;
  throw new HarborError(
    'HARBOR_ADDRESS_IN_USE',
    `${component} needs port ${port}, which pid ${holder.pid} (${holder.command}) holds; ` +
      `end that process, or set ${component.toUpperCase()}_PORT, or ${component}: port: in etc/harbor.yaml, to another port`,
    { details: { port, ...holder } },
  );
}
