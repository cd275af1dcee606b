import type { CommandDescription } from '../reference/commands.js';

/** What can stand in a place of a command line; several kinds may come together. */
export interface Suggestions {
  readonly words?: readonly string[];
  /** Words that depend on the word before. */
  readonly after?: Readonly<Record<string, readonly string[]>>;
  readonly files?: boolean;
  /** Commands of the machine. */
  readonly programs?: boolean;
  /** The program itself prints them, one per line, when it is run with these words. */
  readonly ask?: string;
}

/**
 * What is suggested for an argument or for the value of an option, by its name in the usage (`NAME`). A rule for one
 * command goes first: `create-service NAME`. Literal words of a usage and choices need no rule.
 */
export type SuggestionRules = Readonly<Record<string, Suggestions>>;

/** A place of a command line and what can stand there. */
export interface Place {
  /** As the walk over the words before names it. */
  readonly state: string;
  readonly suggestions: Suggestions;
}

/** All that the completion of a program consists of, for any shell. */
export interface Plan {
  readonly program: string;
  readonly commands: readonly CommandDescription[];
  /** `log drain add --format`: the options that a value follows. */
  readonly valued: readonly string[];
  readonly places: readonly Place[];
}

/** Words that reach a script as they are; anything else would have to be quoted for three shells. */
const PLAIN = /^[\w.:@%+,/-]+$/;

/** Arguments are counted up to this; the last one may be repeated. */
export const MOST_ARGUMENTS = 9;

/**
 * Where every suggestion belongs. A place is named by the state that a walk over the words before the cursor ends in:
 * `COMMAND NUMBER` for an argument, counted from 0, and `COMMAND --OPTION` for the value of an option.
 */
export function planCompletion(
  program: string,
  commands: readonly CommandDescription[],
  rules: SuggestionRules,
): Plan {
  const valued: string[] = [];
  const places: Place[] = [];
  const add = (state: string, suggestions: Suggestions | undefined): void => {
    if (suggestions && Object.keys(suggestions).length > 0) places.push({ state, suggestions });
  };
  for (const { path, options, arguments: wanted } of commands) {
    for (const { short, long, value, choices } of options) {
      if (value === undefined) continue;
      for (const flag of [short, long]) {
        if (flag === undefined) continue;
        valued.push(`${path} ${flag}`);
        add(`${path} ${flag}`, suggest(path, value, choices, rules));
      }
    }
    wanted.forEach(({ name, variadic, choices }, at) => {
      const found = suggest(path, name, choices, rules);
      add(`${path} ${at}`, found);
      // A program comes first, and what is behind it is what it is given.
      const further = { ...found };
      delete further.programs;
      for (let each = at + 1; variadic && each <= MOST_ARGUMENTS; each++) add(`${path} ${each}`, further);
    });
  }
  return { program, commands, valued, places };
}

/** `harbor|PROCESS`: words in small letters stand for themselves, what is in capitals has a rule. */
function suggest(
  path: string,
  name: string,
  choices: readonly string[],
  rules: SuggestionRules,
): Suggestions | undefined {
  const parts = name.split('|');
  const literal = parts.filter((part) => part !== part.toUpperCase());
  const found = parts
    .map((part) => rules[`${path} ${part}`] ?? rules[part])
    .find((rule) => rule !== undefined);
  const words = [...new Set([...choices, ...literal, ...(found?.words ?? [])])];
  const all = { ...found, ...(words.length > 0 ? { words } : {}) };
  const strange = [...words, ...Object.values(all.after ?? {}).flat()].find((word) => !PLAIN.test(word));
  if (strange !== undefined) throw new RangeError(`${strange} cannot be suggested: it has to be quoted`);
  return all;
}

/** Places that suggest the same, so that a script says it once. */
export function grouped(
  places: readonly Place[],
): { readonly states: string[]; readonly suggestions: Suggestions }[] {
  const groups = new Map<string, { states: string[]; suggestions: Suggestions }>();
  for (const { state, suggestions } of places) {
    const key = JSON.stringify(suggestions);
    const group = groups.get(key) ?? { states: [], suggestions };
    group.states.push(state);
    groups.set(key, group);
  }
  return [...groups.values()];
}
