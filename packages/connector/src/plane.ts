import {
  Reconciler,
  type Clock,
  type Random,
  type Route,
  type RouteKey,
  type RouteTable,
} from '@harbor/core';

/** What forwards packets: it is told of one listener at a time, and how that stands now. */
export interface DataPlane {
  /** Brings one listener in line; a port held by somebody else is no error here but a conflict. */
  apply(key: RouteKey, route: Route | undefined): Promise<void>;
  /** Every listener it has. */
  keys(): RouteKey[];
}

/** Listeners brought in line at once: enough to be quick at a start, few enough to stay responsive. */
const WIDTH = 256;

export interface PlaneReconcilerOptions {
  readonly plane: DataPlane;
  readonly table: RouteTable;
  readonly clock: Clock;
  readonly random: Random;
  readonly onFailure: (error: unknown, attempt: number) => void;
}

/** Keeps a data plane in line with the route table. */
export function planeReconciler(options: PlaneReconcilerOptions): Reconciler<RouteKey> {
  const { plane, table } = options;
  return new Reconciler<RouteKey>({
    apply: async (scope) => {
      const keys = scope === 'all' ? [...new Set([...plane.keys(), ...table.keys()])] : [...scope];
      for (let at = 0; at < keys.length; at += WIDTH) {
        await Promise.all(keys.slice(at, at + WIDTH).map((key) => plane.apply(key, table.get(key))));
      }
    },
    clock: options.clock,
    random: options.random,
    onFailure: options.onFailure,
  });
}
