import type { Place } from '@harbor/runtime';
import { examples } from '@harbor/terminal';
import type { Command } from 'commander';
import type { LeaveOptions } from './node-leave.js';
import { roleAdd, roleInfo, roleRemove } from './role.js';

/** `kato role info|add|remove`. */
export function addRole(kato: Command, place: () => Place, changes: () => Place): void {
  const group = kato
    .command('role')
    .description('Say what this machine does: core has the servers and the gateway, harbor serves ports.')
    .addHelpText('after', examples('kato role info', 'kato role remove harbor', 'kato role add harbor'));
  group
    .command('info')
    .description('Show the roles of this machine with their processes.')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('kato role info', 'kato role info --json'))
    .action((options: { json?: boolean }) => roleInfo(place(), options));
  group
    .command('add')
    .argument('<ROLE>', 'harbor')
    .description('Have this machine serve ports again.')
    .addHelpText('after', examples('kato role add harbor'))
    .action((role: string) => roleAdd(changes(), role));
  group
    .command('remove')
    .argument('<ROLE>', 'harbor')
    .description('Have this machine serve no ports: end what does, and leave it so after a restart.')
    .option('--force', 'also with services, or while the core does not answer')
    .addHelpText('after', examples('kato role remove harbor'))
    .action((role: string, options: LeaveOptions) => roleRemove(changes(), role, options));
}
