import { claimId, type Commit, type Service, type Write } from '@harbor/core';
import type { CoolingClaim, CoolingPorts } from './cooling.js';

/** Makes a service with all its numbers, or nothing where one of them is somebody else's. */
export function claimOf(service: Service, cooled: readonly CoolingClaim[]): Commit {
  const claim = { node: service.node, service: service.id };
  const port = claimId(service.node, service.port);
  const intPort = claimId(service.node, service.intPort);
  return {
    expect: [
      { kind: 'service', id: service.id, is: 'absent' },
      { kind: 'port', id: port, is: 'absent' },
      { kind: 'int_port', id: intPort, is: 'absent' },
      ...cooled.map(({ expect }) => expect),
    ],
    write: [
      { kind: 'service', id: service.id, value: service },
      { kind: 'port', id: port, value: { ...claim, port: service.port } },
      { kind: 'int_port', id: intPort, value: { ...claim, port: service.intPort } },
      ...cooled.flatMap(({ write }) => write),
    ],
  };
}

/** Ends a service: its numbers are nobody's from here on, and its ports begin to cool down. */
export function releaseOf(service: Service, backends: readonly string[], cooling: CoolingPorts): Commit {
  const { id, node } = service;
  return {
    expect: [{ kind: 'service', id, is: 'present' }],
    write: [
      { kind: 'service', id, value: undefined },
      { kind: 'port', id: claimId(node, service.port), value: undefined },
      { kind: 'int_port', id: claimId(node, service.intPort), value: undefined },
      ...backends.map((backend): Write => ({ kind: 'backend', id: backend, value: undefined })),
      ...cooling.begin(service, [service.port]),
    ],
  };
}
