import { HarborError } from '@harbor/core';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { Document, isMap, LineCounter, parseDocument } from 'yaml';
import type { Home } from './home.js';
import { closest, type ConfigProblem } from './problems.js';
import { describeKeys, SCHEMA } from './schema.js';

/** The values of etc/harbor.yaml by `component.key`, and what is wrong with its keys. */
export interface FileValues {
  readonly values: ReadonlyMap<string, unknown>;
  readonly problems: readonly ConfigProblem[];
}

/** Reads etc/harbor.yaml; a file that is missing or empty has no values. */
export function readConfigFile(home: Home): FileValues {
  const lines = new LineCounter();
  const document = parseDocument(readText(home.configFile), { lineCounter: lines, prettyErrors: false });
  const broken = document.errors.map(({ message, pos }): ConfigProblem => {
    const { line, col } = lines.linePos(pos[0]);
    return {
      key: `line ${line}, column ${col}`,
      source: home.configFile,
      allowed: `is not YAML: ${message}`,
    };
  });
  if (broken.length > 0) return { values: new Map(), problems: broken };
  const content: unknown = document.toJS();
  if (content === null || content === undefined) return { values: new Map(), problems: [] };
  return flatten(content, home.configFile);
}

/**
 * Writes, or removes where `value` is undefined, one key of etc/harbor.yaml; comments and the rest stay.
 * The file is replaced in one step. Errors: HARBOR_CONFIG_INVALID where the file is broken.
 */
export function writeFileValue(home: Home, component: string, key: string, value: unknown): void {
  const document = parseDocument(readText(home.configFile));
  if (document.errors.length > 0) {
    throw new HarborError('HARBOR_CONFIG_INVALID', `${home.configFile} is not YAML: mend it first`);
  }
  const target = isMap(document.contents) ? document : new Document({});
  if (value === undefined) target.deleteIn([component, key]);
  else target.setIn([component, key], value);
  const temporary = `${home.configFile}.${process.pid}`;
  writeFileSync(temporary, target.toString());
  renameSync(temporary, home.configFile);
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw new HarborError('HARBOR_CONFIG_INVALID', `${path} cannot be read: ${String(cause)}`, { cause });
  }
}

function flatten(content: unknown, source: string): FileValues {
  const values = new Map<string, unknown>();
  const problems: ConfigProblem[] = [];
  if (!isRecord(content)) {
    return { values, problems: [{ key: 'the file', source, allowed: 'must be a map of components' }] };
  }
  const ids = describeKeys().map(({ id }) => id);
  for (const [component, keys] of Object.entries(content)) {
    if (!Object.hasOwn(SCHEMA, component)) {
      problems.push(unknown(component, source, 'component', Object.keys(SCHEMA)));
    } else if (keys !== null && !isRecord(keys)) {
      problems.push({ key: component, source, allowed: 'must be a map of keys' });
    } else {
      for (const [key, value] of Object.entries(keys ?? {})) {
        const id = `${component}.${key}`;
        if (ids.includes(id)) values.set(id, value);
        else problems.push(unknown(id, source, 'key', ids));
      }
    }
  }
  return { values, problems };
}

function unknown(name: string, source: string, what: string, known: readonly string[]): ConfigProblem {
  const guess = closest(name, known);
  return { key: name, source, allowed: `is no known ${what}${guess ? `; did you mean ${guess}?` : ''}` };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
