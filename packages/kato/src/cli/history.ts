import type { Place } from '@harbor/runtime';
import { appendFileSync, readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { describeKeys } from '@harbor/config';
import { say, sayJson } from '@harbor/terminal';

interface Entry {
  readonly time: string;
  readonly user: string;
  readonly command: string;
}

const file = (place: Place): string => join(place.home.var, 'history.jsonl');

/** Remembers a command that changes something; a value that is, or may be, a secret is left out. */
export function remember(place: Place, args: readonly string[]): void {
  const words = args.filter((word) => !word.startsWith('-'));
  const [group, , component, key] = words;
  const open = describeKeys().some(
    (known) => known.component === component && known.key === key && !known.sensitive,
  );
  const shown = group === 'config' && !open ? words.slice(0, 4) : withoutTokens(args);
  const entry: Entry = {
    time: new Date().toISOString(),
    user: userInfo().username,
    command: ['kato', ...shown].join(' '),
  };
  appendFileSync(file(place), `${JSON.stringify(entry)}\n`, { mode: 0o600 });
}

/** A token is good once; it is left out all the same. */
function withoutTokens(args: readonly string[]): string[] {
  return args.flatMap((word, at) => {
    if (word.startsWith('--token=')) return ['--token=…'];
    return args[at - 1] === '--token' ? ['…'] : [word];
  });
}

/** What was remembered, the oldest first. */
export function entries(place: Place): Entry[] {
  let text = '';
  try {
    text = readFileSync(file(place), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Entry);
}

/** `kato history` */
export function history(place: Place, options: { readonly json?: boolean }): void {
  const all = entries(place);
  if (options.json) sayJson(all);
  else for (const { time, user, command } of all) say(`${time} ${user} ${command}`);
}
