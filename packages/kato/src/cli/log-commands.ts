import { HarborError } from '@harbor/core';
import type { Place } from '@harbor/runtime';
import { examples } from '@harbor/terminal';
import { Option, type Command } from 'commander';
import { FORMATS } from '../drain/drain.js';
import { drainAdd, drainDelete, drainList, drainStatus } from './log-drain.js';
import { logTail } from './log-tail.js';

/** Adds `kato log`; `changes` is for commands that the history remembers. */
export function addLog(kato: Command, place: () => Place, changes: () => Place): void {
  const group = kato.command('log').description('Read the logs, or send them elsewhere.');
  group
    .command('tail')
    .argument('[PROCESS...]')
    .description('Show all logs, or those named, merged by time, and follow them.')
    .option('--json', 'one JSON object per line')
    .option('--raw', 'the lines as they are')
    .option('--time', 'with the time')
    .addOption(new Option('-n, --lines <LINES>', 'how many lines to begin with').argParser(lines).default(20))
    .option('--no-follow', 'end after them')
    .addHelpText(
      'after',
      examples(
        'kato log tail',
        'kato log tail harbor_node -n 100 --time',
        'kato log tail --no-follow --json',
      ),
    )
    .action(
      (
        names: string[],
        options: { json?: boolean; raw?: boolean; time?: boolean; lines: number; follow: boolean },
      ) => logTail(place(), names, options),
    );
  addDrain(group, place, changes);
}

function addDrain(log: Command, place: () => Place, changes: () => Place): void {
  const group = log
    .command('drain')
    .description('Send the logs to other machines as they are written.')
    .addHelpText(
      'after',
      examples(
        'kato log drain add central tcp://logs.example.com:5140',
        'kato log drain add papertrail udp://logs.example.com:514 --format syslog',
        'kato log drain status',
        'kato log drain delete central',
      ),
    );
  group
    .command('add')
    .argument('<NAME>')
    .argument('<URL>', 'tcp://HOST:PORT, tls://HOST:PORT or udp://HOST:PORT')
    .argument('[PROCESS...]', 'whose logs; all without')
    .description('Send all logs, or those named, from now on.')
    .addOption(new Option('-f, --format <FORMAT>', `${FORMATS.join(', ')} (RFC 5424)`).default('json'))
    .option('--ca <FILE>', 'who signed the server of a tls:// drain; those Node.js knows without')
    .addHelpText(
      'after',
      examples(
        'kato log drain add central tcp://logs.example.com:5140',
        'kato log drain add ports tcp://[2001:db8::7]:5140 harbor_node harbor_proxy_connector --format raw',
        'kato log drain add papertrail udp://logs.example.com:514 --format syslog',
        'kato log drain add siem tls://logs.example.com:6514 --format syslog --ca /etc/ssl/our-ca.pem',
      ),
    )
    .action((name: string, url: string, processes: string[], options: { format: string; ca?: string }) =>
      drainAdd(changes(), name, url, processes, options),
    );
  group
    .command('delete')
    .argument('<NAME>')
    .description('Send nothing there any more.')
    .addHelpText('after', examples('kato log drain delete central'))
    .action((name: string) => drainDelete(changes(), name));
  group
    .command('list')
    .description('List the drains.')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('kato log drain list', 'kato log drain list --json'))
    .action((options: { json?: boolean }) => drainList(place(), options));
  group
    .command('status')
    .description('Show for each drain whether it is connected, what was sent and what was dropped.')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('kato log drain status', 'kato log drain status --json'))
    .action((options: { json?: boolean }) => drainStatus(place(), options));
}

function lines(text: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new HarborError('HARBOR_USAGE', `${text} is no number of lines`);
  return Number(text);
}
