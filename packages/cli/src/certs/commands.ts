import { HarborError } from '@harbor/core';
import { examples } from '@harbor/terminal';
import { Option, type Command } from 'commander';
import type { CheckFlags } from './check.js';
import type { NewFlags } from './new.js';

/**
 * `harbor certs`: what an application with HTTPS at its port needs. Each command is loaded when it is called:
 * the library below them is one that no other command of `harbor` needs.
 */
export function addCertificates(harbor: Command, env: NodeJS.ProcessEnv): void {
  const group = harbor
    .command('certs')
    .description('Make, show and check the certificates of services whose name ends in https.')
    .addHelpText('after', examples('harbor certs new', 'harbor certs check --service web-https'));
  group
    .command('new')
    .argument('[NAME...]', 'host names and addresses it is for (localhost unless said otherwise)')
    .description('Make a certificate and its key for development.')
    .option('--service <SERVICE>', 'the service it is for', 'harbor')
    .option('--root <DIR>', "the application's root; it goes into its folder certs", '.')
    .option('--authority', 'make an authority, which signs others, instead')
    .option('--ca <FILE>', 'the certificate of the authority that signs it; by itself otherwise')
    .option('--ca-key <FILE>', "that authority's key; beside its certificate unless said otherwise")
    .addOption(new Option('--days <N>', 'how long it is good').argParser(days).default(365))
    .option('-f, --force', 'in the place of one that is there')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      examples(
        'harbor certs new',
        'harbor certs new web.example.com 192.0.2.7 --service web-https',
        'harbor certs new --authority --service my-ca && harbor certs new localhost --ca certs/my-ca.crt',
      ),
    )
    .action(async (names: string[], flags: NewFlags) => {
      const { newCertificate } = await import('./new.js');
      newCertificate(names, flags, new Date());
    });
  group
    .command('show')
    .argument('<FILE...>', 'PEM files')
    .description('Show what files hold.')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('harbor certs show certs/harbor.crt certs/harbor.key --json'))
    .action(async (files: string[], flags: { json?: boolean }) => {
      const { showFiles } = await import('./show.js');
      showFiles(files, flags);
    });
  group
    .command('check')
    .description('Check what the HTTPS proxy of a service would serve: exit 0 when it can.')
    .option('--service <SERVICE>', 'the service', 'harbor')
    .option('--root <DIR>', "the application's root", '.')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('harbor certs check', 'harbor certs check --service web-https --root app'))
    .action(async (flags: CheckFlags) => {
      const { checkCertificates } = await import('./check.js');
      checkCertificates(flags, env);
    });
}

function days(text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) === 0)
    throw new HarborError('HARBOR_USAGE', `--days wants a number of days, not ${text}`);
  return Number(text);
}
