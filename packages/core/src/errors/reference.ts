import { CATALOGUE, type ErrorEntry } from './catalogue.js';

const HEAD = `# Errors

Every error Harbor reports has a stable code. APIs answer with the HTTP status shown and a JSON body
\`{error, description}\`; the commands print the code's message and what to do on stderr.

| code | status | what it means | what to do |
|---|---|---|---|
`;

/** The reference page of all errors, Markdown, sorted by code: the whole of `docs/errors.md`. */
export function errorsReference(): string {
  const entries: [string, ErrorEntry][] = Object.entries(CATALOGUE);
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return HEAD + entries.map(row).join('');
}

function row([code, { status, summary, remedy }]: [string, ErrorEntry]): string {
  return `| \`${code}\` | ${status} | ${cell(summary)} | ${cell(remedy)} |\n`;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
