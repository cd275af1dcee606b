import type { Bus } from '@harbor/bus';
import {
  addressesOf,
  backendId,
  formatAddress,
  HarborError,
  isPort,
  transportsOf,
  type BackendChanges,
  type BackendTable,
  type Clock,
  type Membership,
  type Replica,
  type Service,
  type Transport,
} from '@harbor/core';
import {
  DEA_SUBJECTS,
  exitedMessage,
  failedReport,
  heartbeatMessage,
  nodeSubjects,
  registerMessage,
  registrationOf,
  shutdownMessage,
  type RegisterMessage,
} from '@harbor/wire';

export interface DeaListenerOptions {
  readonly bus: Bus;
  readonly node: string;
  readonly membership: Membership;
  readonly table: BackendTable;
  readonly replica: Replica;
  /** True where the address is a listener of Harbor itself: a backend there would be a loop. */
  readonly isOwnListener: (host: string, port: number, transport: Transport) => boolean;
  /** Told of every change, with the message that made it. */
  readonly onChanges: (changes: BackendChanges, because: string) => void;
  readonly clock: Clock;
}

/** Hears what the DEAs say (contract §5) and brings it into the backend table. */
export class DeaListener {
  constructor(readonly options: DeaListenerOptions) {}

  start(): void {
    const { bus, node, table, clock } = this.options;
    bus.subscribe(DEA_SUBJECTS.register, registerMessage, (message) => {
      this.#register(message);
    });
    bus.subscribe(DEA_SUBJECTS.unregister, registerMessage, (message) => {
      for (const transport of transportsOf(message.protocol ?? 'both')) {
        this.#tell(table.unregister(registrationOf(message, transport)), DEA_SUBJECTS.unregister);
      }
    });
    bus.subscribe(DEA_SUBJECTS.exited, exitedMessage, ({ instance }) => {
      this.#tell(table.instanceExited(instance), DEA_SUBJECTS.exited);
    });
    bus.subscribe(DEA_SUBJECTS.heartbeat, heartbeatMessage, ({ dea, droplets }) => {
      const running = droplets.filter(({ state }) => state === 'RUNNING').map(({ instance }) => instance);
      this.#tell(table.heartbeat(dea, new Set(running), clock.now()), DEA_SUBJECTS.heartbeat);
    });
    bus.subscribe(DEA_SUBJECTS.shutdown, shutdownMessage, ({ id }) => {
      this.#tell(table.deaShutdown(id), DEA_SUBJECTS.shutdown);
    });
    // What fails for clients of any member counts for the group.
    const reporters = this.options.membership.group === undefined ? node : '*';
    bus.subscribe(nodeSubjects(reporters).failed, failedReport, (report) => {
      if (table.ofService(report.service).length > 1)
        this.#tell(table.demote(backendId(report), clock.now()), 'failed');
    });
  }

  #register(message: RegisterMessage): void {
    const { table, membership, clock } = this.options;
    const service = this.options.replica.get('service', message.service);
    if (!service) throw refused(`unknown service ${quote(message.service)}`);
    const transports = this.#transports(message, service);
    const block = service.ports === undefined ? {} : { ports: service.ports };
    // Another node's service, or one that serves nobody: only the address may concern us, which has left
    // our services for it.
    if (!membership.owns(service) || service.disabled) {
      this.#tell(table.evict({ ...message, ...block }), DEA_SUBJECTS.register);
      return;
    }
    for (const transport of transports) {
      const registration = { ...registrationOf(message, transport), ...block };
      this.#tell(table.register(registration, clock.now()), DEA_SUBJECTS.register);
    }
  }

  /** The transports the message covers, or a refusal. */
  #transports(message: RegisterMessage, service: Service): readonly Transport[] {
    const asked = transportsOf(message.protocol ?? service.protocol);
    const served = transportsOf(service.protocol).filter((transport) => asked.includes(transport));
    if (served.length === 0) {
      throw refused(`service ${quote(service.id)} serves ${service.protocol}, not ${asked.join(', ')}`);
    }
    const { host, port } = message;
    const addresses = addressesOf({ host, port, ports: service.ports ?? 1 });
    if (!addresses.every((address) => isPort(address.port)))
      throw refused(`the ${service.ports ?? 1} ports of the service's block do not fit above ${port}`);
    for (const transport of served)
      for (const own of addresses)
        if (this.options.isOwnListener(own.host, own.port, transport))
          throw refused(`${formatAddress(own)} is a listener of Harbor itself: traffic would go in circles`);
    return served;
  }

  #tell(changes: BackendChanges, because: string): void {
    if (changes.outcome !== 'unchanged') this.options.onChanges(changes, because);
  }
}

function refused(reason: string): HarborError {
  return new HarborError('HARBOR_MESSAGE_REFUSED', reason);
}

/** Ids of other systems stand in messages quoted, so that what they hold cannot pass for our words. */
function quote(text: string): string {
  return JSON.stringify(text);
}
