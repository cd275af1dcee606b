import {
  diffBackends,
  routeKey,
  type Address,
  type Backend,
  type Clock,
  type Route,
  type RouteKey,
} from '@harbor/core';
import { Access } from '@harbor/wire';
import type { Run } from './command.js';
import { ConnectionCounters } from './counters.js';
import { Drains } from './drains.js';
import { endDenied, endFlows, endRelayed, endStaleFlows, listFlows } from './flows.js';
import { kernelRule, type KernelRule, type PlaneRules } from './rule.js';
import { KernelTable } from './table.js';
import type { TableWatch } from './watch.js';

export interface KernelPlaneOptions {
  readonly run: Run;
  readonly bindHost: string;
  readonly rules: () => PlaneRules;
  /** How long connections to a removed backend may go on, s. */
  readonly drainTimeout: () => number;
  readonly alive: (backend: Backend) => boolean;
  /** Those of this machine, now. */
  readonly localAddresses: () => readonly string[];
  readonly watch: TableWatch;
  readonly clock: Clock;
  readonly onFailure: (error: unknown) => void;
}

/** The kernel as a data plane: it forwards what it can, the relay on the same port takes the rest. */
export class KernelPlane {
  readonly table: KernelTable;
  /** Every route with backends, whether the kernel forwards it or not. */
  readonly #routes = new Map<RouteKey, Route>();
  readonly #drains: Drains;
  readonly #counters: ConnectionCounters;

  constructor(readonly options: KernelPlaneOptions) {
    const { run, watch, bindHost, clock, onFailure } = options;
    const watched: Run = async (program, args, input) => {
      const ended = watch.expect();
      try {
        const out = await run(program, args, input);
        ended(true);
        return out;
      } catch (error) {
        ended(false);
        throw error;
      }
    };
    this.table = new KernelTable(watched, bindHost);
    this.#counters = new ConnectionCounters(run);
    this.#drains = new Drains(run, clock, onFailure);
  }

  keys(): RouteKey[] {
    return [...this.#routes.keys()];
  }

  /** True where the kernel forwards this listener's connections now. */
  forwards(key: RouteKey): boolean {
    return this.table.get(key) !== undefined;
  }

  /** The connections of a listener that the kernel has forwarded, and those of them that are open. */
  async connections({ key, transport, port }: Route): Promise<{ total: number; open: number }> {
    const [total, flows] = await Promise.all([
      this.#counters.total(key),
      listFlows(this.options.run, transport, port),
    ]);
    return { total, open: flows.filter(({ open }) => open).length };
  }

  /** Brings some listeners in line, or with `whole` the table: then every key there is has to be given. */
  async apply(routes: ReadonlyMap<RouteKey, Route | undefined>, whole: boolean): Promise<void> {
    const before = new Map([...routes.keys()].map((key) => [key, this.table.get(key)]));
    const wanted = new Map([...routes].map(([key, route]) => [key, route && this.#ruleOf(route)]));
    // Their counters go with the rules; of a listener that goes too nobody will ask.
    const ending = [...before].flatMap(([key, rule]) =>
      rule && routes.get(key) && !wanted.get(key) ? [key] : [],
    );
    const counted = await this.#counters.read(whole ? 'all' : ending);
    if (whole) await this.table.replace(present(wanted));
    else await this.table.change(wanted);
    this.#counters.keep(counted);
    if (whole) await this.#endLeft(routes, wanted);
    for (const [key, route] of routes) {
      const known = this.#routes.get(key);
      if (route) this.#routes.set(key, route);
      else {
        this.#routes.delete(key);
        this.#counters.forget(key);
      }
      const moved = !whole && targetOf(before.get(key)) !== targetOf(wanted.get(key));
      await this.#afterwards(known, route, moved, before.get(key) !== undefined);
    }
  }

  close(): void {
    this.options.watch.close();
    this.#drains.close();
  }

  #ruleOf(route: Route): KernelRule | undefined {
    return kernelRule(route, this.options.alive, this.options.rules());
  }

  /** What the kernel still keeps of connections made under the old rule, where it had one (`forwarded`). */
  async #afterwards(
    known: Route | undefined,
    route: Route | undefined,
    moved: boolean,
    forwarded: boolean,
  ): Promise<void> {
    const { port, transport } = route ?? known ?? { port: 0, transport: 'tcp' };
    if (route && known && isStricter(known, route))
      await endDenied(this.options.run, { transport, port }, new Access(route.policy));
    if (transport === 'udp') {
      if (moved) await endFlows(this.options.run, { transport, port });
      if (moved && !forwarded) await endRelayed(this.options.run, port, this.options.localAddresses);
      return;
    }
    const { added, removed } = diffBackends(known?.backends ?? [], route?.backends ?? []);
    const seconds = route?.policy.drainTimeout ?? this.options.drainTimeout();
    for (const backend of added) this.#drains.cancel({ transport, port, backend });
    for (const backend of removed) this.#drains.begin({ transport, port, backend }, seconds);
  }

  /** Connections to backends that left while nobody looked, before a restart say. */
  async #endLeft(
    routes: ReadonlyMap<RouteKey, Route | undefined>,
    wanted: ReadonlyMap<RouteKey, KernelRule | undefined>,
  ): Promise<void> {
    await endStaleFlows(this.options.run, primariesOf(wanted));
    for (const { port, backend } of await listFlows(this.options.run, 'tcp')) {
      const route = routes.get(routeKey('tcp', port));
      if (route?.backends.some((each) => each.host === backend.host && each.port === backend.port)) continue;
      const seconds = route?.policy.drainTimeout ?? this.options.drainTimeout();
      this.#drains.begin({ transport: 'tcp', port, backend }, seconds);
    }
  }
}

/** True where somebody who is in may have to go: the relay ends its own, too. */
function isStricter(known: Route, route: Route): boolean {
  const rules = ({ policy: { allow = [], deny = [] } }: Route): string => JSON.stringify([allow, deny]);
  const any = (route.policy.allow?.length ?? 0) + (route.policy.deny?.length ?? 0) > 0;
  return any && rules(known) !== rules(route);
}

function present(wanted: ReadonlyMap<RouteKey, KernelRule | undefined>): Map<RouteKey, KernelRule> {
  const all = new Map<RouteKey, KernelRule>();
  for (const [key, rule] of wanted) if (rule) all.set(key, rule);
  return all;
}

/** Where the datagrams of each port go. */
function primariesOf(wanted: ReadonlyMap<RouteKey, KernelRule | undefined>): Map<number, Address> {
  const primaries = new Map<number, Address>();
  for (const rule of wanted.values()) {
    const [primary] = rule?.transport === 'udp' ? rule.targets : [];
    if (rule && primary) primaries.set(rule.port, primary);
  }
  return primaries;
}

function targetOf(rule: KernelRule | undefined): string {
  const [primary] = rule?.targets ?? [];
  return primary ? `${primary.host} ${primary.port}` : '';
}
