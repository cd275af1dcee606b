import type { RouteTable } from '@harbor/core';
import { type Change, type Kind, type Replica, type RouteKey } from '@harbor/core';

/** The kinds of record that routes are made of. */
export const ROUTE_KINDS: readonly Kind[] = ['service', 'backend'];

/** Fills the table anew; every key that was or is wanted is touched. */
export function resetRoutes(table: RouteTable, replica: Replica): RouteKey[] {
  const before = table.clear();
  for (const service of replica.all('service')) table.putService(service);
  for (const backend of replica.all('backend')) table.putBackend(backend);
  return [...new Set([...before, ...table.keys()])];
}

/** Brings one change into the table; the keys it touched. */
export function changeRoutes(table: RouteTable, change: Change): RouteKey[] {
  if (change.kind === 'service') {
    return change.value ? table.putService(change.value) : table.removeService(change.id);
  }
  if (change.kind === 'backend') {
    return change.value ? table.putBackend(change.value) : table.removeBackend(change.id);
  }
  return [];
}
