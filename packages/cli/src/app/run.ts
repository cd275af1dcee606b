import { HarborError, parsePortRange } from '@harbor/core';
import { firstExternalIPv4, hasProgram, localAddresses, systemClock, systemRandom } from '@harbor/machine';
import { liveSettings, openBus, type Place } from '@harbor/runtime';
import { note, paint, say } from '@harbor/terminal';
import { DEA_SUBJECTS, SERVICE_NAME, SERVICE_TAGS, startMessage, type ServiceView } from '@harbor/wire';
import { randomUUID } from 'node:crypto';
import { Application, type ApplicationEvent, type RunService } from '../dea/application.js';
import { InstancePorts } from '../dea/instance-ports.js';
import { Registrar } from '../dea/registrar.js';
import { GatewayClient } from '../gateway/client.js';

export interface RunOptions {
  readonly app: string;
  readonly instances: number;
  readonly services: readonly string[];
  /** s */
  readonly killTimeout: number;
  readonly json?: boolean;
}

/** The exit code of a program that was not let finish (128 + SIGINT). */
const INTERRUPTED = 130;
/** How long the last messages may take to leave, ms. */
const FAREWELL = 2_000;

/**
 * `harbor run`: a DEA for this machine, until it is told to end; nothing is left behind then.
 * Errors: HARBOR_APP_FAILED, HARBOR_NATS_UNAVAILABLE, HARBOR_GATEWAY_UNAVAILABLE, HARBOR_SERVICE_NOT_FOUND.
 */
export async function runApplication(
  place: Place,
  env: NodeJS.ProcessEnv,
  command: readonly string[],
  options: RunOptions,
): Promise<void> {
  const [program] = command;
  if (program === undefined)
    throw new HarborError('HARBOR_USAGE', 'say what to run: harbor run … -- COMMAND');
  if (!hasProgram(program, env.PATH))
    throw new HarborError('HARBOR_APP_FAILED', `${program} is no program that can be run`);
  const { settings } = await liveSettings(place);
  const range = parsePortRange(settings.harbor_node.port_range) ?? { low: 0, high: 0 };
  const services = await findServices(new GatewayClient(settings), options);
  const tell = teller(options);
  if (services.length === 0)
    note('no service is given or bound to it, so it gets no port; give one with --service NAME');

  const dea = randomUUID();
  const { app, killTimeout, instances } = options;
  const clock = systemClock;
  const bus = await openBus(place, settings, {
    name: `harbor run ${app}`,
    waitForServer: false,
    events: {
      onInvalid: () => undefined,
      onError: (subject, error) => note(`${subject}: ${error.message}`),
      onDisconnect: () => note('NATS is away; the ports go on as they are, and it is tried again'),
      onReconnect: () => {
        note('NATS is back');
        registrar.registerAll();
      },
    },
  });
  const registrar = new Registrar({ bus, dea, app, clock, interval: settings.harbor_node.register_interval });
  registrar.start();
  await bus
    .request(DEA_SUBJECTS.greet, {}, startMessage, {
      timeoutMs: 2_000,
      unanswered: 'HARBOR_NODE_UNAVAILABLE',
    })
    .then((message) => registrar.heard(message))
    .catch((thrown: unknown) =>
      note(`no harbor_node answers yet (${String(thrown)}); it is told when it does`),
    );

  const application = new Application({
    app,
    instances,
    services,
    command,
    env,
    registrar,
    ports: new InstancePorts(range, systemRandom),
    killTimeout: killTimeout * 1_000,
    clock,
    random: systemRandom,
    tell,
  });
  const interruption = new AbortController();
  const asked = untilSignal(() => {
    interruption.abort();
    application.kill();
  });
  await application.start();
  await asked;
  await application.stop();
  registrar.shutdown();
  await Promise.race([bus.close(), new Promise((resolve) => setTimeout(resolve, FAREWELL))]);
  process.exit(interruption.signal.aborted ? INTERRUPTED : 0);
}

/** The services named and those bound to the application, each once. */
async function findServices(gateway: GatewayClient, { app, services }: RunOptions): Promise<RunService[]> {
  const bound = (await gateway.bindings(app)).map((binding) => binding.service.name);
  const names = [...new Set([...bound, ...services])];
  const local = new Set(localAddresses());
  return Promise.all(names.map(async (name) => runService(await gateway.service(name), local)));
}

function runService(service: ServiceView, local: ReadonlySet<string>): RunService {
  const { name, plan, protocol, credentials } = service;
  if (!credentials)
    throw new HarborError('HARBOR_SERVICE_BUSY', `${name} has no port yet, it is ${service.state}`);
  // A node on this machine reaches the instances by loopback, which works for those that listen only there.
  const here = local.has(credentials.host);
  const host = here ? '127.0.0.1' : (firstExternalIPv4() ?? '127.0.0.1');
  return { name, label: SERVICE_NAME, plan, tags: SERVICE_TAGS, credentials, protocol, host };
}

/** Prints one line per event; what the instances print themselves keeps its stream. */
function teller({ app, json }: RunOptions): (event: ApplicationEvent) => void {
  return (event) => {
    if (json) say(JSON.stringify({ time: new Date().toISOString(), app, ...event }));
    else if (event.event !== 'output') say(`${paint('bold', app)}: ${event.message}`);
    else
      (event.stream === 'stderr' ? note : say)(
        `${paint('grey', `[${app}/${event.index}]`)} ${event.message}`,
      );
  };
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
