import { blockOf, HarborError, transportsOf } from '@harbor/core';
import { firstExternalIPv4, hasProgram, isPortBound } from '@harbor/machine';
import { readFileSync, readlinkSync } from 'node:fs';
import type { RunService } from '../dea/run-service.js';
import type { Berth, BerthedService, Berths } from '../dea/berth.js';
import type { InstancePorts } from '../dea/instance-ports.js';
import { run } from './command.js';
import { Forwarding, type Forward } from './forwarding.js';
import { HeldPorts } from './held-ports.js';
import { MemoryGroups, type InstanceMemory } from './memory.js';
import { createNetwork, removeNetwork, type InstanceNetwork } from './network.js';
import { ourselves, tableName, type Owner } from './owner.js';
import { insidePorts } from './inside-ports.js';

/** Instances in networks of their own, where every one has the same ports; a port of the machine leads to each. */
export class IsolatedBerths implements Berths {
  private constructor(
    readonly ports: InstancePorts,
    readonly owner: Owner,
    readonly forwarding: Forwarding,
    /** What keeps each instance to its memory. */
    readonly memory: (() => InstanceMemory) | undefined,
  ) {}

  /**
   * `megabytes`: what each instance may need; where nobody can keep it to that `note` is told once.
   * Errors: HARBOR_ISOLATION_UNAVAILABLE with what is missing.
   */
  static async open(
    ports: InstancePorts,
    { megabytes, note }: { readonly megabytes?: number | undefined; readonly note: (line: string) => void },
  ): Promise<IsolatedBerths> {
    requireIsolation();
    const owner = ourselves();
    const groups = megabytes === undefined ? undefined : MemoryGroups.open(owner);
    if (typeof groups === 'string')
      note(`instances are told of their ${megabytes ?? '?'} MB, but not kept to them: ${groups}`);
    const limited = typeof groups === 'object' && megabytes !== undefined;
    const forwarding = new Forwarding(run, tableName(owner));
    await forwarding.open();
    return new IsolatedBerths(ports, owner, forwarding, limited ? () => groups.make(megabytes) : undefined);
  }

  async take(services: readonly RunService[], http: boolean): Promise<Berth> {
    const outside = externalAddress(services);
    const { httpPort, listens } = insidePorts(services, http);
    const network = await createNetwork(run, this.owner);
    const held: HeldPorts[] = [];
    let forwards: Forward[] = [];
    let memory: InstanceMemory | undefined;
    const leave = async (): Promise<void> => {
      await this.forwarding.remove(forwards);
      await removeNetwork(run, network.namespace);
      await memory?.remove();
      for (const each of held) each.giveBack();
    };
    try {
      const taken: BerthedService[] = [];
      for (const [at, service] of services.entries()) {
        const ports = await HeldPorts.take(this.ports, service.credentials.ports?.length);
        held.push(ports);
        const inside = listens[at] ?? 0;
        const host = service.local ? '127.0.0.1' : outside;
        taken.push({
          ...service,
          listens: inside,
          seen: { host: network.address, port: inside },
          announced: { host, port: ports.first },
        });
      }
      const wanted = taken.flatMap((service) => forwardsOf(service, network));
      await this.forwarding.add(wanted);
      forwards = wanted;
      memory = this.memory?.();
      return {
        services: taken,
        ...(memory === undefined ? {} : { memory }),
        ...(httpPort === undefined ? {} : { httpPort }),
        command: (command) => ['ip', 'netns', 'exec', network.namespace, ...command],
        holdsUdp: (port, pid) => hasMoved(pid) && isPortBound({ port, protocol: 'udp', pid }),
        leave,
      };
    } catch (thrown) {
      await leave();
      throw thrown;
    }
  }

  close(): Promise<void> {
    return this.forwarding.close();
  }
}

/** Errors: HARBOR_ISOLATION_UNAVAILABLE with what this machine, or this user, lacks. */
export function requireIsolation(): void {
  const missing = whatIsMissing();
  if (missing !== undefined) throw new HarborError('HARBOR_ISOLATION_UNAVAILABLE', missing);
}

function whatIsMissing(): string | undefined {
  if (process.platform !== 'linux') return '--isolate needs the network namespaces of Linux';
  if (process.getuid?.() !== 0) return '--isolate needs root: only root makes network namespaces';
  for (const [program, name] of [
    ['ip', 'iproute2'],
    ['nft', 'nftables'],
  ] as const)
    if (!hasProgram(program))
      return `--isolate needs ${program}, which is not installed; as root run: apt-get install -y ${name}`;
  return undefined;
}

/** Where nodes on other machines reach us; they come through this machine's forwarding. */
function externalAddress(services: readonly RunService[]): string {
  const far = services.find(({ local }) => !local);
  if (!far) return '127.0.0.1';
  const host = firstExternalIPv4();
  const whose = `${far.name} is served by ${far.credentials.host}, another machine`;
  if (host === undefined)
    throw new HarborError('HARBOR_ISOLATION_UNAVAILABLE', `${whose}, and this one has no address for it`);
  if (readFileSync('/proc/sys/net/ipv4/ip_forward', 'utf8').trim() !== '1')
    throw new HarborError(
      'HARBOR_ISOLATION_UNAVAILABLE',
      `${whose}, and this one does not forward; as root run: sysctl -w net.ipv4.ip_forward=1`,
    );
  return host;
}

function forwardsOf(service: BerthedService, { address }: InstanceNetwork): Forward[] {
  const { announced, listens, protocol, credentials } = service;
  return blockOf(announced.port, credentials.ports?.length ?? 1).flatMap((port, at) =>
    transportsOf(protocol).map((transport) => ({
      transport,
      host: announced.host,
      port,
      to: { host: address, port: listens + at },
    })),
  );
}

/** True when the process is in another network than we are: it starts in ours. */
function hasMoved(pid: number): boolean {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`) !== readlinkSync('/proc/self/ns/net');
  } catch {
    // It has ended.
    return false;
  }
}
