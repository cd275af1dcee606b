import { HarborError } from '@harbor/core';
import { openPlace, version, viewPlace } from '@harbor/runtime';
import {
  addCompletion,
  endSoon,
  endWithReader,
  examples,
  fail,
  note,
  pointToHelp,
  say,
  speakingAs,
} from '@harbor/terminal';
import { Command, CommanderError, Option } from 'commander';
import { addCertificates } from './certs/commands.js';
import { openGateway, type GatewayClient } from './gateway/client.js';
import { SUGGESTIONS } from './manual.js';
import { bindService, showEnvironment, unbindService } from './services/bindings.js';
import { explain } from './services/explain.js';
import {
  createService,
  deleteService,
  listServices,
  renameService,
  showService,
  updateService,
  type Form,
  type Wanted,
} from './services/services.js';

/** The application developer's command. Exit codes: 0 done, 1 failed, 2 wrong usage. */
export async function main(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  endWithReader();
  try {
    await pointToHelp(program(env)).parseAsync([...argv], { from: 'user' });
    endSoon();
  } catch (thrown) {
    // Commander has said what is wrong; help is no error.
    if (thrown instanceof CommanderError) process.exitCode = thrown.exitCode === 0 ? 0 : 2;
    else fail('harbor', thrown);
  }
}

/** The command with all below it; completion and the man page are made of it, too. */
export function program(env: NodeJS.ProcessEnv): Command {
  const harbor = new Command('harbor')
    .description('Gives applications TCP and UDP ports.')
    .exitOverride()
    .version(version(), '-V, --version')
    .configureOutput(speakingAs('harbor'))
    .showSuggestionAfterError()
    .addHelpText(
      'after',
      examples(
        'harbor create-service harbor web',
        'harbor run --app demo --instances 3 --service web -- node examples/echo.js',
        'harbor explain web',
      ),
    );
  const gateway = (): Promise<GatewayClient> => openGateway(viewPlace(env, note));
  addServices(harbor, gateway);
  addBindings(harbor, gateway);
  addRun(harbor, env);
  addCertificates(harbor, env);
  // What completion asks for: nothing is said where nobody answers, the shell has a line of its own there.
  harbor.command('names', { hidden: true }).action(async () => {
    const { services } = await (await gateway()).services();
    for (const { name } of services) say(name);
  });
  addCompletion(harbor, SUGGESTIONS);
  return harbor;
}

const PARAMETERS = 'parameters, like \'{"port":35048}\', or @FILE with them';
const CHANGES =
  'the parameters to change, like \'{"max_connections":100}\', or @FILE with them; null takes one away';

function addServices(harbor: Command, gateway: () => Promise<GatewayClient>): void {
  harbor
    .command('create-service')
    .argument('<SERVICE>', 'harbor')
    .argument('<NAME>', 'udp-… is UDP, both-… TCP and UDP, anything else TCP')
    .description('Get a port.')
    .option('-p, --plan <PLAN>', 'tcp, udp, both, or free: the name decides', 'free')
    .option('-c, --parameters <JSON>', PARAMETERS)
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      examples(
        'harbor create-service harbor web',
        'harbor create-service harbor udp-syslog',
        'harbor create-service harbor db -c \'{"allow":["10.0.0.0/8"]}\'',
      ),
    )
    .action(async (service: string, name: string, wanted: Wanted) =>
      createService(await gateway(), service, name, wanted),
    );
  harbor
    .command('services')
    .description('List the services.')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('harbor services', 'harbor services --json'))
    .action(async (form: Form) => listServices(await gateway(), form));
  harbor
    .command('service')
    .argument('<NAME>')
    .description('Show a service and its credentials.')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('harbor service web', 'harbor service web --json'))
    .action(async (name: string, form: Form) => showService(await gateway(), name, form));
  harbor
    .command('update-service')
    .argument('<NAME>')
    .description('Change the plan or the parameters of a service; it keeps its port and its connections.')
    .option('-p, --plan <PLAN>', 'tcp, udp, both, or free: the name decides')
    .option('-c, --parameters <JSON>', CHANGES)
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      examples(
        'harbor update-service web -c \'{"max_connections":100,"allow":["10.0.0.0/8"]}\'',
        'harbor update-service web -c \'{"max_connections":null}\'',
        'harbor update-service web -p both',
      ),
    )
    .action(async (name: string, wanted: Wanted) => updateService(await gateway(), name, wanted));
  harbor
    .command('rename-service')
    .argument('<NAME>')
    .argument('<NEW_NAME>')
    .description(
      'Call a service otherwise; it keeps its port, its bindings and its connections. Applications find the new name at ' +
        'their next start. What it serves stays, too, whatever the new name begins with.',
    )
    .option('--json', 'print JSON')
    .addHelpText('after', examples('harbor rename-service web shop', 'harbor rename-service web web-https'))
    .action(async (name: string, wanted: string, form: Form) =>
      renameService(await gateway(), name, wanted, form),
    );
  harbor
    .command('delete-service')
    .argument('<NAME>')
    .description('Give the port back.')
    .option('-f, --force', 'although it is bound, and without complaint if it is not there')
    .addHelpText('after', examples('harbor delete-service web', 'harbor delete-service web -f'))
    .action(async (name: string, { force }: { force?: boolean }) =>
      deleteService(await gateway(), name, force ?? false),
    );
  harbor
    .command('explain')
    .argument('<PORT|NAME>')
    .description('Show who owns a port, who listens, its backends, their health and what went wrong.')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('harbor explain 35048', 'harbor explain web --json'))
    .action(async (what: string, form: Form) => explain(await gateway(), what, form));
}

function addBindings(harbor: Command, gateway: () => Promise<GatewayClient>): void {
  harbor
    .command('bind-service')
    .argument('<APP>')
    .argument('<NAME>')
    .description('Let an application find a service in its environment.')
    .addHelpText('after', examples('harbor bind-service demo web'))
    .action(async (app: string, name: string) => bindService(await gateway(), app, name));
  harbor
    .command('unbind-service')
    .argument('<APP>')
    .argument('<NAME>')
    .description('Undo bind-service.')
    .addHelpText('after', examples('harbor unbind-service demo web'))
    .action(async (app: string, name: string) => unbindService(await gateway(), app, name));
  harbor
    .command('env')
    .argument('<APP>')
    .description('Show the environment of an application.')
    .option('--json', 'print JSON')
    .addOption(new Option('--export', 'print lines for a shell to read').conflicts('json'))
    .addHelpText('after', examples('harbor env demo', 'eval "$(harbor env demo --export)"'))
    .action(async (app: string, form: { json?: boolean; export?: boolean }) =>
      showEnvironment(await gateway(), app, form),
    );
}

interface RunFlags extends Form {
  readonly app?: string;
  readonly instances?: number;
  readonly service: string[];
  readonly manifest?: string | boolean;
  readonly deleteServices?: boolean;
  readonly isolate?: boolean;
  readonly killTimeout: number;
}

function addRun(harbor: Command, env: NodeJS.ProcessEnv): void {
  harbor
    .command('run')
    .argument('[COMMAND...]', "after --, as it is typed; else the manifest's")
    .description(
      'Run instances of an application on this machine, behind the ports of its services: as stackato.yml or ' +
        'manifest.yml in this folder says, and as these options say, which go before it.',
    )
    .option(
      '--app <APP>',
      "its name, else the manifest's, else the folder's; of several in a manifest this one",
    )
    .addOption(new Option('--instances <N>', "how many, else the manifest's, else 1").argParser(count))
    .option('--service <NAME>', 'a service to give it, again for more', collect, [])
    .option('--manifest <FILE>', 'this manifest instead')
    .option('--no-manifest', 'as if there were no manifest')
    .option('--delete-services', "delete the manifest's services at the end, and give their ports back")
    .option('--isolate', 'give each instance a network of its own, as in a container (root, Linux)')
    .addOption(
      new Option('--kill-timeout <S>', 'how long one may take to end').argParser(seconds).default(10),
    )
    .option('--json', 'print events and output as JSON lines')
    .addHelpText(
      'after',
      examples(
        'harbor run',
        'harbor run --manifest deploy/manifest.yml --delete-services',
        'harbor run --app demo --instances 3 --service web -- node examples/echo.js',
        'harbor run --isolate --instances 3 --service web -- node examples/echo.js',
        "harbor run --service udp-syslog -- sh -c 'nc -u -l -p $STACKATO_HARBOR'",
      ),
    )
    .action(async (command: string[], { service, manifest = true, ...flags }: RunFlags) => {
      const { runApplication } = await import('./app/run.js');
      await runApplication(openPlace(env), env, command, { ...flags, manifest, services: service });
    });
}

function collect(name: string, before: readonly string[]): string[] {
  return [...before, name];
}

function count(text: string): number {
  const value = Number(text);
  if (!/^\d{1,4}$/.test(text) || value < 1 || value > 1_000)
    throw new HarborError('HARBOR_USAGE', `--instances wants 1 to 1000, not ${text}`);
  return value;
}

function seconds(text: string): number {
  if (!/^\d{1,4}(\.\d+)?$/.test(text))
    throw new HarborError('HARBOR_USAGE', `--kill-timeout wants seconds, not ${text}`);
  return Number(text);
}
