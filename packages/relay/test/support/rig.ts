import { ManualClock, routeKey, type Backend, type RoutePolicy, type Transport } from '@harbor/core';
import { freePort } from '@harbor/testbed';
import type { Test } from 'tap';
import { fastestEnds, Relay, type Ends, type ListenFailure, type RelaySettings } from '../../src/index.js';

const SETTINGS: RelaySettings = {
  bindHost: '0.0.0.0',
  connectTimeout: 5,
  idleTimeout: null,
  udpIdleTimeout: 60,
  drainTimeout: 30,
  maxConnections: 0,
};

let ends = fastestEnds();

/** Has every relay of this process go by these from now on. */
export function useEnds(others: Ends): void {
  ends = others;
}

/** A relay on a clock turned by hand, with one port of its own, closed with the test. */
export interface Rig {
  readonly relay: Relay;
  readonly clock: ManualClock;
  readonly port: number;
  /** What the relay told, in order. */
  readonly told: string[];
  readonly conflicts: ListenFailure[];
  /** Makes these the backends and the rules of the port (or of another). */
  route(backends: readonly Backend[], policy?: RoutePolicy, port?: number): Promise<void>;
  /** Takes the port away. */
  remove(): Promise<void>;
  stats(): ReturnType<Relay['stats']>[number];
}

export async function startRelay(
  t: Test,
  transport: Transport,
  settings: Partial<RelaySettings> = {},
): Promise<Rig> {
  const clock = new ManualClock(1_000_000);
  const port = await freePort();
  const told: string[] = [];
  const conflicts: ListenFailure[] = [];
  const relay = new Relay({
    ends,
    settings: () => ({ ...SETTINGS, ...settings }),
    clock,
    random: () => 0,
    events: {
      listening: (key) => told.push(`listening ${key}`),
      conflict: (failure) => {
        conflicts.push(failure);
        told.push(`conflict ${failure.key}`);
      },
      resolved: (key) => told.push(`resolved ${key}`),
      closed: (key) => told.push(`closed ${key}`),
      backendFailed: ({ backend, reason }) => told.push(`${backend.instance} ${reason}`),
      failed: (error) => told.push(error.message),
    },
  });
  t.teardown(() => relay.close());
  return {
    relay,
    clock,
    port,
    told,
    conflicts,
    route(backends, policy = {}, at = port) {
      const key = routeKey(transport, at);
      return relay.apply(key, { key, port: at, transport, service: `s${at}`, backends, policy });
    },
    remove: () => relay.apply(routeKey(transport, port), undefined),
    stats: () => relay.stats(`s${port}`)[0]!,
  };
}

/** The `index`th instance of an application, the `order`th to have come. */
export function backendAt(
  transport: Transport,
  port: number,
  index: number,
  host = '127.0.0.1',
  order = index,
): Backend {
  return {
    service: 's',
    transport,
    host,
    port,
    dea: 'd',
    app: 'a',
    instance: `i${index}`,
    index,
    order,
    since: 0,
  };
}
