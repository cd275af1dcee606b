import {
  asHarborError,
  backendId,
  Reconciler,
  type Backend,
  type Route,
  type RouteKey,
  type RouteTable,
  type Scope,
} from '@harbor/core';
import { HealthChecker, tcpProbe } from '@harbor/health';
import {
  KernelPlane,
  Runner,
  TableWatch,
  unreachableBackends,
  type Family,
  type KernelRule,
} from '@harbor/nftables';
import { localAddresses } from '@harbor/machine';
import type { ProcessContext } from '@harbor/runtime';
import type { PreserveWarnings } from './preserve.js';
import { relaySettings } from './settings.js';

/** How often a backend that answers is tried, and one that does not, ms. */
const CHECK_EVERY = 5_000;
const CHECK_AGAIN = 1_000;
/** How often the kernel is asked which backends have refused somebody, ms. */
const LOOK_EVERY = 1_000;

export interface KernelSideOptions {
  readonly context: ProcessContext;
  readonly families: readonly Family[];
  readonly table: RouteTable;
  /** Only what listens is forwarded: a port that somebody else holds is his. */
  readonly listens: (key: RouteKey) => boolean;
  readonly preserve: PreserveWarnings;
  /** Told of a UDP backend whose host says that nobody is there. */
  readonly udpFailed: (backend: Backend, reason: string) => void;
}

/** The kernel plane beside the relay: its own reconciler, the health of what it forwards to, its upkeep. */
export class KernelSide {
  readonly plane: KernelPlane;
  readonly health: HealthChecker;
  readonly #runner = new Runner();
  readonly #reconciler: Reconciler<RouteKey>;
  readonly #backends = new Map<RouteKey, readonly Backend[]>();
  #cancelLook: () => void = () => undefined;
  #started = false;

  constructor(readonly options: KernelSideOptions) {
    const { context, families } = options;
    const { clock, random, log, reporter } = context;
    this.#runner.start();
    const settings = () => relaySettings(context);
    this.health = new HealthChecker({
      probe: tcpProbe(() => settings().connectTimeout * 1_000),
      everyMs: CHECK_EVERY,
      againMs: CHECK_AGAIN,
      clock,
      random,
      onChange: (backend, failure) => {
        const { service, transport, host, port } = backend;
        const fields = { service, protocol: transport, backend: `${host}:${port}`, reason: failure };
        reporter.report(`health ${backendId(backend)} ${failure ?? 'answers'}`, {
          event: failure === undefined ? 'backend_back' : 'backend_failed',
          ...fields,
        });
        this.touch(this.#keysOf(backend));
      },
    });
    const watch = new TableWatch({
      onForeignChange: () => {
        log.warn({ event: 'rules_changed' }, 'somebody else changed our nftables table: it is written anew');
        this.plane.table.forget();
        if (this.#started) this.#reconciler.touchAll();
      },
      clock,
      random,
    });
    this.plane = new KernelPlane({
      run: this.#runner.run,
      bindHost: settings().bindHost,
      rules: () => ({ families, ...settings() }),
      drainTimeout: () => settings().drainTimeout,
      alive: (backend) => this.health.alive(backend),
      localAddresses,
      watch,
      clock,
      onFailure: (thrown) => log.error({ event: 'flows_failed', err: asHarborError(thrown) }, String(thrown)),
    });
    this.#reconciler = new Reconciler<RouteKey>({
      apply: (scope) => this.#apply(scope),
      clock,
      random,
      onFailure: (thrown, attempt) => {
        const error = asHarborError(thrown);
        if (attempt === 0) log.error({ event: 'rules_failed', err: error }, error.message);
      },
    });
    watch.start();
  }

  /**
   * Writes the table for the first time; resolves when it stands. Until then the rules of a run before this
   * one forward, so this has to wait until it is known what is wanted and the relay listens.
   */
  async start(): Promise<void> {
    this.#started = true;
    this.#reconciler.touchAll();
    this.#lookLater();
    await this.#reconciler.settled();
  }

  /** Resolves when the kernel has all that is wanted by now. */
  settled(): Promise<void> {
    return this.#reconciler.settled();
  }

  touch(keys: Iterable<RouteKey>): void {
    // The first application is a whole one.
    if (this.#started) this.#reconciler.touch(keys);
  }

  /** What the kernel has done for a listener; nothing where it cannot be asked. */
  async connections(route: Route): Promise<{ readonly total: number; readonly open: number }> {
    try {
      return await this.plane.connections(route);
    } catch (thrown) {
      this.options.context.reporter.report('counters', { event: 'flows_failed', err: asHarborError(thrown) });
      return { total: 0, open: 0 };
    }
  }

  /** Ends our part; what the kernel does goes on. */
  close(): void {
    this.#cancelLook();
    this.#reconciler.close();
    this.plane.close();
    this.#runner.close();
    this.health.close();
  }

  async #apply(scope: Scope<RouteKey>): Promise<void> {
    const { table, listens } = this.options;
    const whole = scope === 'all' || !this.plane.table.known;
    const keys = whole ? new Set([...this.plane.keys(), ...table.keys()]) : scope;
    const routes = new Map<RouteKey, Route | undefined>();
    for (const key of keys) {
      const route = table.get(key);
      this.#look(key, route?.backends ?? []);
      routes.set(key, listens(key) ? route : undefined);
    }
    await this.plane.apply(routes, whole);
    for (const route of routes.values()) if (route) this.#sayRelayed(route);
  }

  /** Without a backend that answers nobody is forwarded anywhere. */
  #sayRelayed(route: Route): void {
    const { preserve } = this.options;
    if (this.plane.forwards(route.key)) preserve.forwarded(route);
    else if (route.backends.some((backend) => this.health.alive(backend)))
      preserve.relayed(
        route,
        'backends on loopback or of both families, and an idle timeout, are for the relay',
      );
  }

  /** Looks after the health of a route's backends, and no longer after that of those that left. */
  #look(key: RouteKey, backends: readonly Backend[]): void {
    const ids = new Set(backends.map(backendId));
    for (const backend of this.#backends.get(key) ?? [])
      if (!ids.has(backendId(backend))) this.health.forget(backend);
    for (const backend of backends) this.health.watch(backend);
    if (backends.length > 0) this.#backends.set(key, backends);
    else this.#backends.delete(key);
  }

  /** A UDP primary that is gone is no longer the primary; a TCP backend that has refused somebody is tried at once. */
  async #lookForGone(): Promise<void> {
    if (this.plane.table.size === 0) return;
    const gone = await unreachableBackends(this.#runner.run);
    if (gone.size === 0) return;
    for (const [key, backends] of this.#backends)
      for (const backend of backends) {
        const { transport, host, port } = backend;
        if (!gone.has(`${transport} ${host} ${port}`)) continue;
        if (transport === 'tcp') this.health.check(backend);
        else if (isTarget(backend, this.plane.table.get(key)))
          this.options.udpFailed(backend, 'ECONNREFUSED');
      }
  }

  #keysOf({ service, transport }: Backend): RouteKey[] {
    const port = this.options.table.service(service)?.port;
    return port === undefined ? [] : [`${transport}/${port}`];
  }

  /** Reads what the kernel has noted of hosts that say that nobody is there. */
  #lookLater(): void {
    const { context } = this.options;
    this.#cancelLook = context.clock.schedule(LOOK_EVERY, () => {
      this.#lookForGone()
        .catch((thrown: unknown) =>
          context.reporter.report('flows', { event: 'flows_failed', err: asHarborError(thrown) }),
        )
        .finally(() => this.#lookLater());
    });
  }
}

function isTarget({ host, port }: Backend, rule: KernelRule | undefined): boolean {
  return rule?.targets.some((target) => target.host === host && target.port === port) ?? false;
}
