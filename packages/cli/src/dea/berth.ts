import { hasOwnPair } from '@harbor/certificates';
import { isHttpsName, mentionsHttps, transportsOf } from '@harbor/core';
import { firstExternalIPv4, isPortBound } from '@harbor/machine';
import type { RunService } from './run-service.js';
import type { InstancePorts } from './instance-ports.js';

/** An address and a port of it. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** A service as one instance has it. */
export interface BerthedService extends RunService {
  /** What the instance listens on: its `int_port`, of a block the first. */
  readonly listens: number;
  /** Where the instance is reached from this machine. */
  readonly seen: Address;
  /** Where Harbor is told that it is reached. */
  readonly announced: Address;
}

/** How much memory an instance may need; the kernel ends it where it needs more. */
export interface MemoryLimit {
  readonly megabytes: number;
  /** A command as it has to be started to be under the limit. */
  command(command: readonly string[]): readonly string[];
  /** True where the kernel has ended a process of the instance for it. */
  exceeded(): boolean;
}

/** Where one instance lies: its ports, and how a command is started there. */
export interface Berth {
  readonly services: readonly BerthedService[];
  /** Absent where nobody keeps the instance to one. */
  readonly memory?: MemoryLimit;
  /** Where to serve HTTP; absent for an application without it. */
  readonly httpPort?: number;
  /** A command as it has to be started to run there. */
  command(command: readonly string[]): readonly string[];
  /** True where a process has bound the UDP port there; `pid` is the instance's. */
  holdsUdp(port: number, pid: number): boolean;
  /** The instance has ended: gives everything back. */
  leave(): Promise<void>;
}

/** Gives each instance a berth of its own. Errors: HARBOR_APP_FAILED, HARBOR_ISOLATION_UNAVAILABLE. */
export interface Berths {
  take(services: readonly RunService[], http: boolean): Promise<Berth>;
  /** All instances have left. */
  close(): Promise<void>;
}

/** Instances side by side in the machine's own network, each on ports of its own. */
export class SharedBerths implements Berths {
  constructor(readonly ports: InstancePorts) {}

  async take(services: readonly RunService[], http: boolean): Promise<Berth> {
    const httpPort = http ? await this.ports.take() : undefined;
    const taken: BerthedService[] = [];
    for (const service of services) {
      const port = await this.ports.take(service.credentials.ports?.length);
      // A node on this machine reaches the instances by loopback, which works for those that listen only there.
      const host = service.local ? '127.0.0.1' : (firstExternalIPv4() ?? '127.0.0.1');
      taken.push({ ...service, listens: port, seen: { host, port }, announced: { host, port } });
    }
    return {
      services: taken,
      ...(httpPort === undefined ? {} : { httpPort }),
      command: (command) => command,
      holdsUdp: (port) => isPortBound({ port, protocol: 'udp' }),
      leave: () => {
        if (httpPort !== undefined) this.ports.giveBack(httpPort);
        for (const { listens, credentials } of taken) this.ports.giveBack(listens, credentials.ports?.length);
        return Promise.resolve();
      },
    };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** The application's command as it is started: the limit is for it, not for the proxy beside it. */
export function placed({ memory, ...berth }: Pick<Berth, 'memory' | 'command'>, command: readonly string[]) {
  const there = berth.command(command);
  return memory ? memory.command(there) : there;
}

/** What ended an instance, as far as its process and the kernel say. */
export function ending({ memory }: Pick<Berth, 'memory'>, how: string): string {
  if (!memory?.exceeded()) return how;
  const needed = `needed more than its ${memory.megabytes} MB`;
  // 128 + SIGKILL: what a shell says of a command that was.
  const isIt = /SIGKILL$|exit code 137$/.test(how);
  return isIt
    ? `was ended by the kernel: it ${needed}`
    : `${how}; the kernel had ended a process of it, for it ${needed}`;
}

/** An HTTPS proxy that has to stand beside an instance. */
export interface NeededProxy {
  /** The service's name, which chooses its certificate. */
  readonly service: string;
  /** Where the proxy listens: the service's int_port, which the application leaves to it. */
  readonly listens: number;
  /** Where the framework serves plain HTTP: PORT of the instance. */
  readonly upstream: number;
  /** What comes to it begins with a PROXY protocol header. */
  readonly proxyProtocol: boolean;
}

/**
 * Which HTTPS proxies an instance needs: one for each of its TCP services with the suffix `https`, or with
 * the word elsewhere in its name (`harbor-https-custom-1`) and a certificate of its own in `root`. None where
 * the application has no port for HTTP, so that nobody could be forwarded to.
 */
export function neededProxies({ services, httpPort }: Berth, root: string): NeededProxy[] {
  if (httpPort === undefined) return [];
  return services
    .filter(({ protocol }) => transportsOf(protocol).includes('tcp'))
    .filter(({ name }) => isHttpsName(name) || (mentionsHttps(name) && hasOwnPair(root, name)))
    .map(({ name, listens, proxyProtocol }) => ({
      service: name,
      listens,
      upstream: httpPort,
      proxyProtocol,
    }));
}
