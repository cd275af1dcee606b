import type { Bus } from '@harbor/bus';
import { backendId, credentialsOf, type BackendTable, type NodeAddresses } from '@harbor/core';
import { migrationRequest, parametersOf, serviceSubjects, V1_PLAN, type NatsHandle } from '@harbor/wire';
import type { Allocator } from '../ports/allocator.js';
import { operations, type OperationLog } from './operation.js';
import type { Transfer } from './transfer.js';

export interface MigrationOptions {
  readonly bus: Bus;
  readonly service: string;
  readonly node: string;
  /** Where a service's node is reached: this one, or another of its group. */
  readonly addressesOf: (node: string) => NodeAddresses;
  readonly allocator: Pick<Allocator, 'provision'>;
  readonly transfer: Transfer;
  readonly table: BackendTable;
  /** Takes the stored backends of a service over that came from another node. */
  readonly takenOver: (service: string) => void;
  /** Has backends that were dropped written away. */
  readonly dropped: (backends: readonly string[]) => void;
  /** Asks every DEA to register anew, so that a service that moved has its backends at once. */
  readonly greet: () => void;
  readonly log: OperationLog;
}

/** The steps of a migration, as the node does them (wire facts §2). */
export function serveMigration(options: MigrationOptions): void {
  const { bus, node, transfer, table } = options;
  const subjects = serviceSubjects(options.service);
  const operation = operations(bus, options.log);

  operation(subjects.disable(node), migrationRequest, async ([{ credentials }]) => {
    await transfer.setDisabled(credentials.name, true);
    options.dropped(table.removeService(credentials.name).removed.map(backendId));
    return {};
  });

  operation(subjects.enable(node), migrationRequest, async ([{ credentials }]) => {
    await transfer.setDisabled(credentials.name, false);
    options.greet();
    return {};
  });

  operation(subjects.import(node), migrationRequest, async ([handle]) => {
    const { credentials, name, owner, parameters, configuration } = handle;
    if (await transfer.take(credentials)) {
      // What a dead node left is served on, and leased from now on: whoever is silent goes in time.
      options.takenOver(credentials.name);
      return {};
    }
    await options.allocator.provision({
      id: credentials.name,
      name: name ?? '',
      ...(owner == null ? {} : { owner }),
      plan: configuration?.plan ?? V1_PLAN,
      parameters: parametersOf(parameters ?? {}),
      credentials,
    });
    return {};
  });

  operation(subjects.updateInstance(node), migrationRequest, async ([handle, bindings]) => {
    const service = transfer.own(handle.credentials.name);
    const credentials = credentialsOf(service, options.addressesOf(service.node));
    const updated = (each: NatsHandle) => ({
      ...each,
      service_id: each.service_id ?? service.id,
      credentials,
    });
    return Promise.resolve([handle, ...bindings].map(updated));
  });
}
