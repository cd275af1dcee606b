import { describeKeys } from '@harbor/config';
import { version } from '@harbor/runtime';
import type { Manual, SuggestionRules } from '@harbor/terminal';
import { FORMATS } from './drain/drain.js';
import { LOGS } from './logs/line.js';
import { PROCESSES } from './processes/catalogue.js';

/** What the Tab key offers for the words of a usage. */
export const SUGGESTIONS: SuggestionRules = {
  PROCESS: { words: PROCESSES.map(({ name }) => name) },
  'log tail PROCESS': { words: LOGS },
  'log drain add PROCESS': { words: LOGS },
  COMPONENT: { words: [...keysOfComponents().keys()] },
  KEY: { after: Object.fromEntries(keysOfComponents()) },
  FORMAT: { words: FORMATS },
  ROLE: { words: ['harbor'] },
  FILE: { files: true },
};

function keysOfComponents(): Map<string, string[]> {
  const all = new Map<string, string[]>();
  for (const { component, key } of describeKeys()) all.set(component, [...(all.get(component) ?? []), key]);
  return all;
}

/** What the man page says beside the commands. */
export const MANUAL: Manual = {
  program: 'kato',
  version: version(),
  purpose: 'run and administer Harbor',
  environment: [
    ['HARBOR_HOME', 'The home of Harbor; the checkout without it.'],
    ['HARBOR_LOG_DIR', 'Where the logs are, instead of $HARBOR_HOME/logs.'],
    ['HARBOR_JOIN_TOKEN', 'The token of kato node attach.'],
    ['NO_COLOR', 'No colours, whatever its value.'],
    [
      'COMPONENT_KEY',
      'Any configuration key in capitals, such as HARBOR_NODE_PORT_RANGE; goes before all else.',
    ],
  ],
  files: [
    ['$HARBOR_HOME/etc/harbor.yaml', 'The configuration; docs/reference/configuration.md lists every key.'],
    ['$HARBOR_HOME/logs', 'The logs, one per process.'],
    ['$HARBOR_HOME/var', 'Data, sockets and secrets.'],
  ],
  seeAlso: ['harbor(1)'],
};
