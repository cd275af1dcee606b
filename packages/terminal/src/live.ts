/** A terminal, as far as it is needed here. */
export interface TerminalStream {
  write(text: string): unknown;
  readonly columns?: number;
  readonly rows?: number;
  on(event: 'resize', task: () => void): unknown;
  off(event: 'resize', task: () => void): unknown;
}

/** ECMA-48: up n lines to the first column, and clear from here to the end. */
const UP = (lines: number): string => (lines > 0 ? `\u001b[${lines}F` : '');
const CLEAR = '\u001b[0J';
const RESET = '\u001b[0m';

const DEFAULT = { columns: 80, rows: 24 };

/**
 * Lines at the bottom of a terminal that are written anew when they change, while others scroll by above.
 * What happens in one turn of the event loop is written at once.
 */
export class LiveArea {
  #wanted: (size: { readonly columns: number; readonly rows: number }) => readonly string[] = () => [];
  /** Printed, not yet written. */
  #above: string[] = [];
  /** How many lines of ours stand there now. */
  #height = 0;
  #scheduled = false;
  #closed = false;
  readonly #resized = (): void => {
    this.#schedule();
  };

  constructor(readonly stream: TerminalStream) {
    stream.on('resize', this.#resized);
  }

  /** From now on these lines, made for the size that the terminal has; longer ones are cut. */
  show(lines: (size: { readonly columns: number; readonly rows: number }) => readonly string[]): void {
    this.#wanted = lines;
    this.#schedule();
  }

  /** A line that stays, above. */
  print(line: string): void {
    if (this.#closed) this.stream.write(`${line}\n`);
    else {
      this.#above.push(line);
      this.#schedule();
    }
  }

  /** Leaves the lines as they are; what is printed later goes below them. */
  close(): void {
    if (this.#closed) return;
    this.#draw();
    this.#closed = true;
    this.stream.off('resize', this.#resized);
  }

  #schedule(): void {
    if (this.#scheduled || this.#closed) return;
    this.#scheduled = true;
    setImmediate(() => this.#draw());
  }

  #draw(): void {
    this.#scheduled = false;
    if (this.#closed) return;
    const { columns = DEFAULT.columns, rows = DEFAULT.rows } = this.stream;
    // One line less than there are, or the terminal scrolls and our count is wrong.
    const lines = this.#wanted({ columns, rows }).slice(0, Math.max(1, rows - 1));
    const text = [...this.#above, ...lines.map((line) => cut(line, columns - 1))];
    this.stream.write(`${UP(this.#height)}${CLEAR}${text.map((line) => `${line}\n`).join('')}`);
    this.#above = [];
    this.#height = lines.length;
  }
}

/** A sequence that chooses colours, or one character. */
const PART = /\u001b\[[0-9;]*m|[\s\S]/gu;

/** The first `width` characters; colours take no room and end with the line. */
export function cut(line: string, width: number): string {
  let room = width;
  let coloured = false;
  let text = '';
  for (const [part] of line.matchAll(PART)) {
    if (part.length > 1 && part.startsWith('\u001b')) coloured = true;
    else if (room-- <= 0) return coloured ? `${text}${RESET}` : text;
    text += part;
  }
  return text;
}

/** How many characters of it are seen. */
export function visibleLength(text: string): number {
  return [...text.matchAll(PART)].filter(([part]) => part.length === 1 || !part.startsWith('\u001b')).length;
}
