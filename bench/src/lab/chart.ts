import type { Figure } from '../figures.js';
import { number } from '../report.js';

/** A chart of bars: what is compared, in which unit. */
export interface Panel {
  readonly title: string;
  /** What is better, for people who see the bars first. */
  readonly hint: string;
  readonly bars: readonly Figure[];
}

const WIDTH = 1_080;
const COLUMNS = 2;
const GAP = 40;
const ROW = 22;
const LABEL = 170;
const VALUE = 95;
const HEAD = 84;
const TITLE = 40;
const PANEL = (WIDTH - GAP * (COLUMNS + 1)) / COLUMNS;

/** Bars in panels, two in a row, as SVG; the lines over the bars reach from the smallest to the largest round. */
export function chart(title: string, caption: readonly string[], panels: readonly Panel[]): string {
  const rows = Math.ceil(panels.length / COLUMNS);
  const heights = Array.from({ length: rows }, (_, row) =>
    Math.max(
      ...panels.slice(row * COLUMNS, (row + 1) * COLUMNS).map(({ bars }) => TITLE + bars.length * ROW),
    ),
  );
  const top = HEAD + caption.length * 16;
  const at = (row: number): number => top + heights.slice(0, row).reduce((sum, each) => sum + each + GAP, 0);
  const height = at(rows);
  const drawn = panels.map((each, place) => {
    const [x, y] = [GAP + (place % COLUMNS) * (PANEL + GAP), at(Math.floor(place / COLUMNS))];
    return `<g transform="translate(${x} ${y})">\n${panel(each)}\n</g>`;
  });
  const said = caption.map((line, each) => text(GAP, 64 + each * 16, line, 'class="dim"'));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}">`,
    '<style>text{font:13px system-ui,sans-serif;fill:#1f2933}.dim{font-size:12px;fill:#616e7c}',
    '.head{font-size:20px;font-weight:600}.title{font-weight:600}</style>',
    `<rect width="${WIDTH}" height="${height}" fill="#fff"/>`,
    text(GAP, 40, title, 'class="head"'),
    ...said,
    ...drawn,
    '</svg>\n',
  ].join('\n');
}

function panel({ title, hint, bars }: Panel): string {
  const most = Math.max(...bars.map(({ value, high }) => Math.max(value, high ?? 0)), Number.MIN_VALUE);
  const scale = (value: number): number => round((Math.max(0, value) / most) * (PANEL - LABEL - VALUE));
  const rows = bars.map((each, at) => {
    const y = TITLE + at * ROW;
    const { name, value, unit, low, high } = each;
    const shown = scale(Math.max(value, high ?? 0));
    const range =
      low === undefined || high === undefined || low === high
        ? ''
        : `<path d="M${LABEL + scale(low)} ${y + 8}H${LABEL + scale(high)}" stroke="#1f2933" stroke-width="1.5"/>`;
    return [
      text(LABEL - 8, y + 12, name, 'text-anchor="end"'),
      `<rect x="${LABEL}" y="${y}" width="${scale(value)}" height="${ROW - 6}" rx="2" fill="${colour(name)}"/>`,
      range,
      text(LABEL + shown + 6, y + 12, `${number(value)} ${unit}`),
    ].join('');
  });
  return [text(0, 14, title, 'class="title"'), text(0, 30, hint, 'class="dim"'), ...rows].join('\n');
}

/** Harbor's bars are to be seen; of the others one can tell who is who. */
function colour(name: string): string {
  if (name.includes('kernel')) return '#0b7285';
  if (/Harbor|relay/.test(name)) return '#3bc9db';
  if (name.startsWith('HAProxy')) return '#f08c00';
  return name.startsWith('nginx') ? '#74b816' : '#adb5bd';
}

function text(x: number, y: number, content: string, attributes = ''): string {
  const escaped = content.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
  return `<text x="${round(x)}" y="${round(y)}" ${attributes}>${escaped}</text>`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
