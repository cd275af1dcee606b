import { parsePortRange, type PortRange } from '@harbor/core';
import { systemClock, systemRandom } from '@harbor/machine';
import { liveSettings, openBus, type Place } from '@harbor/runtime';
import { DEA_SUBJECTS, startMessage } from '@harbor/wire';
import { randomUUID } from 'node:crypto';
import { Application } from '../dea/application.js';
import { SharedBerths, type Berths } from '../dea/berth.js';
import { InstancePorts } from '../dea/instance-ports.js';
import { Registrar } from '../dea/registrar.js';
import type { RunService } from '../dea/run-service.js';
import { GatewayClient } from '../gateway/client.js';
import { IsolatedBerths, requireIsolation } from '../isolation/berths.js';
import { removeLeftovers } from '../isolation/leftovers.js';
import type { WantedService } from '../manifest/index.js';
import { planRun, type RunOptions } from './plan.js';
import { isRouted } from './routed.js';
import { findServices, provideServices, removeServices } from './services.js';
import { openWatch, type Watch } from './watch.js';

/** The exit code of a program that was not let finish (128 + SIGINT). */
const INTERRUPTED = 130;
/** How long the last messages may take to leave, ms. */
const FAREWELL = 2_000;

/**
 * `harbor run`: a DEA for this machine, until it is told to end; no process of it is left behind then.
 * Errors: HARBOR_MANIFEST_INVALID, HARBOR_USAGE, HARBOR_APP_FAILED, HARBOR_NATS_UNAVAILABLE,
 * HARBOR_GATEWAY_UNAVAILABLE, HARBOR_SERVICE_NOT_FOUND, HARBOR_ISOLATION_UNAVAILABLE.
 */
export async function runApplication(
  place: Place,
  env: NodeJS.ProcessEnv,
  words: readonly string[],
  options: RunOptions,
): Promise<void> {
  const plan = planRun(process.cwd(), env, words, options);
  const { app, command, http, folder, memory, wanted, instances } = plan;
  if (options.isolate) requireIsolation();
  const { settings } = await liveSettings(place);
  const gateway = new GatewayClient(settings);
  const range = parsePortRange(settings.harbor_node.port_range) ?? { low: 0, high: 0 };
  const watch = openWatch({ app, instances, json: options.json ?? false });
  process.once('exit', watch.close);
  for (const warning of plan.warnings) watch.note(warning);
  // From here on there is something to be left behind.
  const running: { application?: Application } = {};
  const interruption = new AbortController();
  const asked = untilSignal(() => {
    interruption.abort();
    if (running.application) running.application.kill();
    else process.exit(INTERRUPTED);
  });
  let told = false;
  void asked.then(() => (told = true));
  const made: WantedService[] = [];
  const setUp = async (): ReturnType<typeof announce> => {
    const deleted = options.deleteServices ?? false;
    await provideServices(gateway, app, wanted, watch.say, { deleted, onMade: (each) => made.push(each) });
    const services = await findServices(gateway, app, plan.named);
    const named = idsOf(services, plan.named);
    watch.services(services);
    for (const line of await removeLeftovers()) watch.note(line);
    const registrar = await announce(place, settings, app, watch);
    const berths = await openBerths(range, options.isolate ?? false, { megabytes: memory, note: watch.note });
    running.application = new Application({
      app,
      instances,
      services,
      refresh: () => findServices(gateway, app, named),
      isRouted: (service, at) => isRouted(gateway, service, at),
      command,
      folder,
      http,
      ...(memory === undefined ? {} : { memory }),
      env: plan.env,
      registrar: registrar.registrar,
      berths,
      killTimeout: options.killTimeout * 1_000,
      clock: systemClock,
      random: systemRandom,
      tell: watch.tell,
    });
    if (!told) await Promise.race([asked, running.application.start()]);
    return registrar;
  };
  const registrar = await setUp().catch(async (thrown: unknown) => {
    await running.application?.stop();
    // What was there before stays as it was.
    if (options.deleteServices) await removeServices(gateway, app, made, watch.say).catch(() => undefined);
    throw thrown;
  });
  await asked;
  await running.application?.stop();
  registrar.registrar.shutdown();
  if (options.deleteServices) await removeServices(gateway, app, wanted, watch.say);
  watch.close();
  await Promise.race([registrar.close(), new Promise((resolve) => setTimeout(resolve, FAREWELL))]);
  process.exit(interruption.signal.aborted ? INTERRUPTED : 0);
}

/** The ids of the services that were named: a name may be another one's at the next start of an instance. */
function idsOf(services: readonly RunService[], named: readonly string[]): string[] {
  return services.flatMap(({ name, credentials }) =>
    named.includes(name) || named.includes(credentials.name) ? [credentials.name] : [],
  );
}

async function openBerths(
  range: PortRange,
  isolate: boolean,
  limit: Parameters<typeof IsolatedBerths.open>[1],
): Promise<Berths> {
  const ports = new InstancePorts(range, systemRandom);
  return isolate ? IsolatedBerths.open(ports, limit) : new SharedBerths(ports);
}

/** Speaks to Harbor as a DEA; a node that does not answer yet is told when it does. */
async function announce(
  place: Place,
  settings: Awaited<ReturnType<typeof liveSettings>>['settings'],
  app: string,
  watch: Watch,
): Promise<{ registrar: Registrar; close: () => Promise<void> }> {
  const bus = await openBus(place, settings, {
    name: `harbor run ${app}`,
    waitForServer: false,
    events: {
      onInvalid: () => undefined,
      onError: (subject, error) => watch.note(`${subject}: ${error.message}`),
      onDisconnect: () => watch.note('NATS is away; the ports go on as they are, and it is tried again'),
      onReconnect: () => {
        watch.note('NATS is back');
        registrar.registerAll();
      },
    },
  });
  const interval = settings.harbor_node.register_interval;
  const registrar = new Registrar({ bus, dea: randomUUID(), app, clock: systemClock, interval });
  registrar.start();
  await bus
    .request(DEA_SUBJECTS.greet, {}, startMessage, {
      timeoutMs: 2_000,
      unanswered: 'HARBOR_NODE_UNAVAILABLE',
    })
    .then((message) => registrar.heard(message))
    .catch((thrown: unknown) =>
      watch.note(`no harbor_node answers yet (${String(thrown)}); it is told when it does: see kato status`),
    );
  return { registrar, close: () => bus.close() };
}

/** Resolves at the first signal to end; a second one calls `hurry`. */
function untilSignal(hurry: () => void): Promise<void> {
  return new Promise((resolve) => {
    let asked = false;
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => {
        if (asked) hurry();
        asked = true;
        resolve();
      });
    }
  });
}
