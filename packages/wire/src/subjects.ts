/** What the DEAs say and hear (contract §5). */
export const DEA_SUBJECTS = {
  start: 'harbor.start',
  greet: 'harbor.greet',
  register: 'harbor.register',
  unregister: 'harbor.unregister',
  exited: 'droplet.exited',
  heartbeat: 'dea.heartbeat',
  shutdown: 'dea.shutdown',
} as const;

/** The service node's subjects; `service` is the configurable S, `HarboraaS` (wire facts §2). */
export function serviceSubjects(service: string) {
  return {
    discover: `${service}.discover`,
    announce: `${service}.announce`,
    provision: (node: string) => `${service}.provision.${node}`,
    unprovision: (node: string) => `${service}.unprovision.${node}`,
    /** Ours, not of the v1 protocol: a node that does not know it does not listen there. */
    update: (node: string) => `${service}.update.${node}`,
    bind: (node: string) => `${service}.bind.${node}`,
    unbind: (node: string) => `${service}.unbind.${node}`,
    disable: (node: string) => `${service}.disable_instance.${node}`,
    enable: (node: string) => `${service}.enable_instance.${node}`,
    import: (node: string) => `${service}.import_instance.${node}`,
    updateInstance: (node: string) => `${service}.update_instance.${node}`,
    checkOrphan: `${service}.check_orphan`,
    nodeHandles: `${service}.node_handles`,
    purgeOrphan: (node: string) => `${service}.purge_orphan.${node}`,
    updateServiceHandle: `${service}.update_service_handle`,
  } as const;
}

/** What Harbor's own processes ask each other about one node. */
export function nodeSubjects(node: string) {
  return {
    reserve: `harbor.connector.${node}.reserve`,
    release: `harbor.connector.${node}.release`,
    status: `harbor.connector.${node}.status`,
    /** connector → node: a backend failed and queues at the end. */
    failed: `harbor.node.${node}.failed`,
    /** Backends of a service with their ages, from the node that keeps their leases. */
    backends: `harbor.node.${node}.backends`,
  } as const;
}
