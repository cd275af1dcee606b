import { systemRandom } from '@harbor/machine';
import type { Place } from '@harbor/runtime';
import { examples } from '@harbor/terminal';
import type { Command } from 'commander';
import { dataExport, dataImport, type DataForm, type ImportOptions } from './data.js';

/** `kato data export|import`. */
export function addData(kato: Command, place: () => Place, changes: () => Place): void {
  const group = kato
    .command('data')
    .description('Save and restore everything that Harbor keeps; harbor_redis has to run.')
    .addHelpText('after', examples('kato data export harbor.json', 'kato data import harbor.json'));
  group
    .command('export')
    .argument('<FILE>')
    .description(
      'Write services, ports, bindings, leases, names, cool-downs and the configuration of kato config set ' +
        'to FILE (mode 0600). Secrets that were set so are in it, those of var/secrets.json are not.',
    )
    .option('--json', 'print JSON')
    .addHelpText('after', examples('kato data export /backup/harbor.json'))
    .action((file: string, form: DataForm) => dataExport(place(), file, new Date(), form));
  group
    .command('import')
    .argument('<FILE>')
    .description('Put what FILE holds in place: all of it or, where anything is wrong, nothing.')
    .option('--force', 'replace all the data there is')
    .option('--keep-nodes', 'leave the services to the nodes they had; otherwise this node takes all over')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('kato data import harbor.json', 'kato data import harbor.json --force'))
    .action((file: string, options: ImportOptions) => dataImport(changes(), file, systemRandom, options));
}
