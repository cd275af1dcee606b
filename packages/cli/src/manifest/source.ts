import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  type Document,
  type Node,
  type Scalar,
  type YAMLMap,
} from 'yaml';
import type { ManifestProblem } from './manifest.js';

/** Anything with a place in the text. */
type Placed = Pick<Node, 'range'> | null;

/** A key of a mapping with its value, null where nothing stands behind it. */
export interface Entry {
  readonly key: string;
  /** Where the key stands. */
  readonly at: Node;
  readonly value: Node | null;
}

/** Aliases that one value may resolve to: more is a bomb, no manifest. */
const MOST_ALIASES = 100;

/** The library's words are for programmers. */
const SEVERAL = 'a manifest is one document: leave out what begins with this "---"';

/** The nodes of a YAML text, and what is said of them with their lines and columns. */
export class ManifestSource {
  readonly problems: ManifestProblem[] = [];
  readonly #document: Document.Parsed;
  readonly #lines = new LineCounter();

  constructor(text: string) {
    this.#document = parseDocument(text, { lineCounter: this.#lines, prettyErrors: false });
    for (const { code, message, pos } of this.#document.errors)
      this.#say('error', code === 'MULTIPLE_DOCS' ? SEVERAL : `this is not YAML: ${message}`, pos[0]);
  }

  /** What the file holds; null where it holds nothing. */
  get root(): Node | null {
    return this.#document.contents;
  }

  error(at: Placed, message: string): void {
    this.#say('error', message, at?.range?.[0] ?? 0);
  }

  warning(at: Placed, message: string): void {
    this.#say('warning', message, at?.range?.[0] ?? 0);
  }

  /** The entries of a mapping, those merged in by `<<` behind its own; an error where it is none. */
  entries(node: Node | null, what: string): Entry[] {
    const found = this.#resolved(node);
    if (found === null || (isScalar(found) && found.value === null)) return [];
    if (isMap(found)) return this.#entriesOf(found, new Set());
    this.error(node, `${what} has to be a mapping: lines of "key: value", indented below it`);
    return [];
  }

  /** The items of a sequence; an error where it is none. */
  items(node: Node | null, what: string): Node[] {
    const found = this.#resolved(node);
    if (found === null || (isScalar(found) && found.value === null)) return [];
    if (isSeq(found)) return found.items.map((item) => item as Node);
    this.error(node, `${what} has to be a list: lines that begin with "- "`);
    return [];
  }

  /** What a scalar was written as, undefined for `~`; an error where it is none. */
  text(node: Node | null, what: string): string | undefined {
    const found = this.#resolved(node);
    if (found === null) return undefined;
    if (!isScalar(found)) {
      this.error(node, `${what} has to be one value, not a list or a mapping`);
      return undefined;
    }
    if (found.value === null) return undefined;
    const text = writtenText(found);
    // Neither an environment nor a command line can hold one.
    if (!text.includes('\0')) return text;
    this.error(node, `${what} must not hold a NUL character`);
    return undefined;
  }

  /** What kind of node stands there, aliases followed. */
  kind(node: Node | null): 'nothing' | 'value' | 'list' | 'mapping' {
    const found = this.#resolved(node);
    if (found === null || (isScalar(found) && found.value === null)) return 'nothing';
    return isMap(found) ? 'mapping' : isSeq(found) ? 'list' : 'value';
  }

  /** The value of a node as JSON has it; an error where its aliases multiply it beyond measure. */
  json(node: Node | null): unknown {
    try {
      return node?.toJS(this.#document, { maxAliasCount: MOST_ALIASES }) as unknown;
    } catch (thrown) {
      this.error(node, thrown instanceof Error ? thrown.message : String(thrown));
      return undefined;
    }
  }

  #entriesOf(map: YAMLMap, within: ReadonlySet<YAMLMap>): Entry[] {
    if (within.has(map)) return [];
    const inside = new Set([...within, map]);
    const own: Entry[] = [];
    const merged: Entry[] = [];
    for (const pair of map.items) {
      const at = pair.key as Node;
      const key = this.text(at, 'a key') ?? '~';
      const value = pair.value as Node | null;
      if (key === '<<') merged.push(...this.#merged(value, inside));
      else own.push({ key, at, value });
    }
    const named = new Set(own.map(({ key }) => key));
    for (const entry of merged) {
      if (named.has(entry.key)) continue;
      named.add(entry.key);
      own.push(entry);
    }
    return own;
  }

  #merged(node: Node | null, inside: ReadonlySet<YAMLMap>): Entry[] {
    const found = this.#resolved(node);
    if (isMap(found)) return this.#entriesOf(found, inside);
    return isSeq(found) ? found.items.flatMap((item) => this.#merged(item as Node, inside)) : [];
  }

  #resolved(node: Node | null): Node | null {
    return isAlias(node) ? (node.resolve(this.#document) ?? null) : node;
  }

  #say(severity: ManifestProblem['severity'], message: string, offset: number): void {
    const { line, col } = this.#lines.linePos(offset);
    // An empty file has no line to count from.
    this.problems.push({ severity, message, line: Math.max(line, 1), column: Math.max(col, 1) });
  }
}

/** A scalar as it was written: 0x10 and 1e3 are texts to us. */
export function writtenText({ value, source }: Scalar): string {
  return typeof value === 'string' ? value : (source ?? JSON.stringify(value));
}
