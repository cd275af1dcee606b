import { PLANS } from '@harbor/wire';
import type { Manual, SuggestionRules } from '@harbor/terminal';
import { version } from '@harbor/runtime';

/** What the Tab key offers for the words of a usage. */
export const SUGGESTIONS: SuggestionRules = {
  SERVICE: { words: ['harbor'] },
  PLAN: { words: PLANS.map(({ name }) => name) },
  NAME: { ask: 'names' },
  NEW_NAME: {},
  // A new one is thought up.
  'create-service NAME': {},
  FILE: { files: true },
  COMMAND: { programs: true, files: true },
};

/** What the man page says beside the commands. */
export const MANUAL: Manual = {
  program: 'harbor',
  version: version(),
  purpose: 'TCP and UDP ports for applications',
  environment: [
    ['HARBOR_HOME', 'The home of Harbor; the checkout without it.'],
    ['NO_COLOR', 'No colours, whatever its value.'],
  ],
  files: [
    ['$HARBOR_HOME/etc/harbor.yaml', 'The configuration; docs/reference/configuration.md lists every key.'],
    ['$HARBOR_HOME/logs', 'The logs, one per process.'],
  ],
  seeAlso: ['kato(1)'],
};
