/**
 * What a terminal or a reader would obey instead of showing it: control characters other than the tab (C0, DEL and C1:
 * U+009B begins a command as ESC [ does), line and paragraph separators, and marks that turn the direction of writing.
 */
const OBEYED = /(?!\t)[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;

/** A text of somebody else's for a log or a terminal: one line, and each of those characters as `\uXXXX`. */
export function escaped(text: string): string {
  return text.replace(OBEYED, (each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
