import type { Place } from '@harbor/runtime';
import { examples } from '@harbor/terminal';
import type { Command } from 'commander';
import { nodeAttach, type AttachOptions } from './node-attach.js';
import { nodeDetach, nodeRemove, type LeaveOptions } from './node-leave.js';
import { nodeList } from './node-list.js';
import { nodeMigrate } from './node-migrate.js';

/** `kato node list|attach|detach|remove|migrate`. */
export function addNode(
  kato: Command,
  place: () => Place,
  changes: () => Place,
  env: NodeJS.ProcessEnv,
): void {
  const group = kato
    .command('node')
    .description('Have further machines serve ports, and move services between them.')
    .addHelpText(
      'after',
      examples(
        'kato node list',
        'kato node list --join',
        'kato node attach -e harbor 10.0.0.1 --token TOKEN',
        'kato node migrate harbor_node_2 harbor_node_3 --dry-run',
      ),
    );
  group
    .command('list')
    .description('List every node: where it is, since when it is unreachable, its ports, what forwards.')
    .option('--join', 'make a token with which another machine can be attached, once, within an hour')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('kato node list', 'kato node list --join', 'kato node list --json'))
    .action((options: { json?: boolean; join?: boolean }) =>
      nodeList(options.join ? changes() : place(), new Date(), options),
    );
  group
    .command('attach')
    .argument('<CORE_IP>', 'where the core is: ADDRESS, ADDRESS:PORT or [IPV6]:PORT')
    .description('Make this machine a node of the core that made the token, and start it.')
    .requiredOption('-e, --enable <ROLE>', 'what it is to do: harbor')
    .option('--token <TOKEN>', 'what kato node list --join printed; else HARBOR_JOIN_TOKEN, else from stdin')
    .option('--node-id <ID>', 'its name in the cluster; else harbor_node node_id')
    .addHelpText(
      'after',
      examples(
        'kato node attach -e harbor 10.0.0.1 --token TOKEN --node-id harbor_node_2',
        'echo TOKEN | kato node attach -e harbor 10.0.0.1',
      ),
    )
    .action((where: string, options: AttachOptions) => nodeAttach(changes(), env, where, options));
  group
    .command('detach')
    .description('On the node: end what runs here and forget the core.')
    .option('--force', 'also with services, or while the core does not answer')
    .addHelpText('after', examples('kato node detach'))
    .action((options: LeaveOptions) => nodeDetach(changes(), options));
  group
    .command('remove')
    .argument('<NODE>')
    .description('On the core: forget a node that has gone.')
    .option('--force', 'also with services: they stay, unreachable, until they are moved or deleted')
    .addHelpText('after', examples('kato node remove harbor_node_2'))
    .action((node: string, options: LeaveOptions) => nodeRemove(changes(), node, options));
  group
    .command('migrate')
    .argument('<OLD>')
    .argument('<NEW>')
    .description('Move every service of OLD to NEW with its port number, also where OLD is dead.')
    .option('--dry-run', 'only say which could be moved')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      examples(
        'kato node migrate harbor_node_2 harbor_node_3 --dry-run',
        'kato node migrate harbor_node_2 harbor_node_3',
      ),
    )
    .action((from: string, to: string, options: { json?: boolean; dryRun?: boolean }) =>
      nodeMigrate(options.dryRun ? place() : changes(), from, to, options),
    );
}
