/** What a POSIX shell (POSIX.1-2017, XCU 2.2) takes as it is, wherever in a command it stands. */
const PLAIN = /^[\w@%+=:,./-]+$/;

/** A text in single quotes: one word of a POSIX shell, whatever is in it. */
export function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** A text as one word of a command that people copy: in quotes only where it needs them. */
export function shellWord(text: string): string {
  return PLAIN.test(text) ? text : shellQuoted(text);
}
