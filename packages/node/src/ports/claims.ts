import {
  claimId,
  intPortsOf,
  ownedBy,
  ownerOf,
  portsOf,
  type Commit,
  type Expectation,
  type Service,
  type Write,
} from '@harbor/core';
import type { CoolingClaim, CoolingPorts } from './cooling.js';

/** Makes a service with all its numbers, or nothing where one of them is somebody else's. */
export function claimOf(service: Service, cooled: readonly CoolingClaim[]): Commit {
  const numbers = numbersOf(service);
  return {
    expect: [
      { kind: 'service', id: service.id, is: 'absent' },
      ...numbers.map(nobodys),
      ...cooled.map(({ expect }) => expect),
    ],
    write: [
      { kind: 'service', id: service.id, value: service },
      ...numbers,
      ...cooled.flatMap(({ write }) => write),
    ],
  };
}

/**
 * Makes another node's service, as it stands at the revision, `after.node`'s, with the numbers it has; within a
 * group they are its own already.
 */
export function moveOf(before: Service, after: Service, revision: number): Commit {
  const { id } = before;
  const numbers = numbersOf(after);
  return {
    expect: [
      { kind: 'service', id, is: 'at', revision },
      ...(ownerOf(before) === ownerOf(after) ? [] : numbers.map(nobodys)),
    ],
    write: [{ kind: 'service', id, value: after }, ...numbersOf(before).map(gone), ...numbers],
  };
}

/** Ends a service: its numbers are nobody's from here on, and its ports begin to cool down. */
export function releaseOf(service: Service, backends: readonly string[], cooling: CoolingPorts): Commit {
  const { id } = service;
  return {
    expect: [{ kind: 'service', id, is: 'present' }],
    write: [
      { kind: 'service', id, value: undefined },
      ...numbersOf(service).map(gone),
      ...backends.map((backend): Write => ({ kind: 'backend', id: backend, value: undefined })),
      ...cooling.begin(service, portsOf(service)),
    ],
  };
}

/** The records that say whose a service's numbers are. */
function numbersOf(service: Service): Write[] {
  const { id } = service;
  const owner = ownerOf(service);
  const claim = (kind: 'port' | 'int_port', port: number): Write => ({
    kind,
    id: claimId(owner, port),
    value: { ...ownedBy(service), service: id, port },
  });
  return [
    ...portsOf(service).map((port) => claim('port', port)),
    ...intPortsOf(service).map((port) => claim('int_port', port)),
  ];
}

function nobodys({ kind, id }: Write): Expectation {
  return { kind, id, is: 'absent' };
}

function gone({ kind, id }: Write): Write {
  return { kind, id, value: undefined };
}
