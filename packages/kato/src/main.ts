import { HarborError } from '@harbor/core';
import { openPlace, type Place, version, viewPlace } from '@harbor/runtime';
import { Command, CommanderError, Option } from 'commander';
import { restart, start, stop } from './cli/change.js';
import { configDelete, configGet, configSet, type Form } from './cli/config.js';
import { addData } from './cli/data-commands.js';
import { history, remember } from './cli/history.js';
import { info } from './cli/info.js';
import { inspect } from './cli/inspect.js';
import { addNode } from './cli/node-commands.js';
import { addRole } from './cli/role-commands.js';
import { addLog } from './cli/log-commands.js';
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
import { SUGGESTIONS } from './manual.js';
import { processList, processReady } from './cli/process.js';
import { report } from './cli/report.js';
import { run } from './cli/run.js';
import { status } from './cli/status.js';

/** The administrator's command. Exit codes: 0 done, 1 failed, 2 wrong usage. */
export async function main(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  endWithReader();
  try {
    await pointToHelp(program(argv, env)).parseAsync([...argv], { from: 'user' });
    // The supervisor has only begun.
    if (argv[0] !== 'supervise') endSoon();
  } catch (thrown) {
    // Commander has said what is wrong; help and version are no errors.
    if (thrown instanceof CommanderError) process.exitCode = thrown.exitCode === 0 ? 0 : 2;
    else fail('kato', thrown);
  }
}

/** The command with all below it; completion and the man page are made of it, too. */
export function program(argv: readonly string[], env: NodeJS.ProcessEnv): Command {
  const place = (): Place => viewPlace(env, note);
  const changes = (): Place => {
    const here = openPlace(env);
    remember(here, argv);
    return here;
  };
  // What ends nothing is no change, and makes no home.
  const ends = (): Place => (viewPlace(env).isNew ? place() : changes());
  const kato = new Command('kato')
    .description('Runs and administers Harbor.')
    .exitOverride()
    .showSuggestionAfterError()
    .version(version(), '-V, --version')
    .configureOutput(speakingAs('kato'))
    .addHelpText(
      'after',
      examples(
        'kato start',
        'kato status',
        'kato config set harbor_node port_range 35000-40000',
        'kato log tail harbor_node',
      ),
    );

  const names = '[harbor|core|PROCESS...]';
  kato
    .command('start')
    .argument(names)
    .description('Start everything, or the roles and processes named; returns when they serve.')
    .addHelpText('after', examples('kato start', 'kato start harbor_node'))
    .action((each: string[]) => start(changes(), env, each));
  kato
    .command('stop')
    .argument(names)
    .description('Stop everything, or the roles and processes named.')
    .option('--flush', 'the kernel, too: take its rules away, with which it would go on forwarding')
    .addHelpText('after', examples('kato stop', 'kato stop harbor', 'kato stop harbor --flush'))
    .action((each: string[], options: { flush?: boolean }) => stop(ends(), each, options));
  kato
    .command('restart')
    .argument(names)
    .description('Stop and start; every port and route comes back.')
    .addHelpText('after', examples('kato restart harbor'))
    .action((each: string[]) => restart(changes(), env, each));
  kato
    .command('run')
    .description('Run everything in the foreground until Ctrl-C; for npm start, systemd and containers.')
    .addHelpText('after', examples('kato run'))
    .action(() => run(changes(), env));
  kato
    .command('status')
    .description('Show every process and how the ports stand.')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('kato status', 'kato status --json'))
    .action((options: { json?: boolean }) => status(place(), options));
  kato
    .command('info')
    .description('Show where everything is.')
    .option('--json', 'print JSON')
    .option('--secrets', 'with the passwords')
    .addHelpText('after', examples('kato info', 'kato info --json --secrets'))
    .action((options: { json?: boolean; secrets?: boolean }) => info(place(), options));
  kato
    .command('inspect')
    .description('Check the machine, the home and what is running, and say what to do.')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('kato inspect', 'kato inspect --json'))
    .action((options: { json?: boolean }) => inspect(place(), options));
  kato
    .command('report')
    .argument('[FILE]', 'harbor-report-TIME.tar.gz in this directory unless said otherwise')
    .description('Write a tarball for support: status, configuration, logs, without secrets.')
    .addHelpText('after', examples('kato report', 'kato report /tmp/harbor.tar.gz'))
    .action((file: string | undefined) => report(place(), file, new Date()));
  kato
    .command('history')
    .description('Show the commands that changed something.')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('kato history'))
    .action((options: { json?: boolean }) => history(place(), options));
  kato
    .command('version')
    .description('Print the version.')
    .addHelpText('after', examples('kato version'))
    .action(() => say(version()));

  addProcess(kato, { place, changes, ends }, env);
  addConfig(kato, place, changes);
  addLog(kato, place, changes);
  addData(kato, place, changes);
  addNode(kato, place, changes, env);
  addRole(kato, place, changes);
  addCompletion(kato, SUGGESTIONS);
  // The supervisor is loaded only where it runs: what it needs would double the time of every other command.
  kato.command('guard', { hidden: true }).action(async () => {
    const { guardHome } = await import('./supervisor/guard.js');
    await guardHome(env, false);
  });
  kato
    .command('supervise', { hidden: true })
    .option('--foreground')
    .action(async (options: { foreground?: boolean }) => {
      const { superviseHome } = await import('./supervisor/main.js');
      await superviseHome(env, options.foreground ?? false);
    });
  return kato;
}

/** How commands find the home: to look at it, to change it, or to end what runs there. */
interface Places {
  readonly place: () => Place;
  readonly changes: () => Place;
  readonly ends: () => Place;
}

function addProcess(kato: Command, { place, changes, ends }: Places, env: NodeJS.ProcessEnv): void {
  const group = kato
    .command('process')
    .description('Look after single processes.')
    .addHelpText(
      'after',
      examples(
        'kato process list',
        'kato process restart harbor_node',
        'kato process ready harbor_gateway --block 10',
      ),
    );
  group
    .command('list')
    .description('List the processes.')
    .addHelpText('after', examples('kato process list', 'kato process list --json'))
    .option('--json', 'print JSON')
    .action((options: { json?: boolean }) => processList(place(), options));
  group
    .command('start')
    .argument('<PROCESS>')
    .description('Start one.')
    .addHelpText('after', examples('kato process start harbor_node'))
    .action((name: string) => start(changes(), env, [name]));
  group
    .command('stop')
    .argument('<PROCESS>')
    .description('Stop one.')
    .addHelpText('after', examples('kato process stop harbor_node'))
    .action((name: string) => stop(ends(), [name]));
  group
    .command('restart')
    .argument('<PROCESS>')
    .description('Restart one.')
    .addHelpText('after', examples('kato process restart harbor_node'))
    .action((name: string) => restart(changes(), env, [name]));
  group
    .command('ready')
    .argument('<PROCESS>')
    .description('Exit 0 when it serves, 1 when it does not.')
    .addHelpText(
      'after',
      examples('kato process ready harbor_gateway', 'kato process ready harbor_gateway --block 10'),
    )
    .addOption(new Option('--block <S>', 'wait up to S seconds for it').argParser(seconds).default(0))
    .action((name: string, options: { block: number }) => processReady(place(), name, options.block));
}

function addConfig(kato: Command, place: () => Place, changes: () => Place): void {
  const group = kato
    .command('config')
    .description('Show and change the configuration; docs/reference/configuration.md lists every key.')
    .addHelpText(
      'after',
      examples(
        'kato config get',
        'kato config get harbor_node port_range',
        'kato config set harbor_node hostname_external ports.example.com',
        'kato config del harbor_node hostname_external',
      ),
    );
  const formed = (command: Command): Command =>
    command
      .option('-j, --json', 'JSON')
      .option('-y, --yaml', 'YAML (as it is without)')
      .option('-f, --flat', 'one "component/key value" per line');
  formed(
    group
      .command('get')
      .argument('[COMPONENT]')
      .argument('[KEY]')
      .description('Show all, a component, or one value.')
      .addHelpText(
        'after',
        examples(
          'kato config get',
          'kato config get harbor_node port_range',
          'kato config get harbor_gateway --json',
        ),
      ),
  ).action((component: string | undefined, key: string | undefined, form: Form) =>
    configGet(place(), component, key, form),
  );
  formed(
    group
      .command('set')
      .argument('<COMPONENT>')
      .argument('<KEY>')
      .argument('<VALUE>')
      .description('Set a value; every process sees it at once.')
      .addHelpText(
        'after',
        examples(
          'kato config set harbor_node port_range 35000-40000',
          'kato config set harbor_node hostname_external ports.example.com',
        ),
      ),
  ).action((component: string, key: string, value: string, form: Form) =>
    configSet(changes(), component, key, value, form),
  );
  group
    .command('del')
    .argument('<COMPONENT>')
    .argument('<KEY>')
    .description('Take a value back to its default.')
    .addHelpText('after', examples('kato config del harbor_node hostname_external'))
    .action((component: string, key: string) => configDelete(changes(), component, key));
}

function seconds(text: string): number {
  if (!/^\d+(\.\d+)?$/.test(text)) throw new HarborError('HARBOR_USAGE', `${text} is no number of seconds`);
  return Number(text);
}
