import t from 'tap';
import { cut, LiveArea, table, visibleLength } from '../src/index.js';

/** A terminal that obeys the two sequences that are used, as a screen of lines. */
function terminal(columns = 20, rows = 10) {
  const lines: string[] = [];
  const tasks = new Set<() => void>();
  let writes = 0;
  return {
    lines,
    columns,
    rows,
    get writes() {
      return writes;
    },
    get watchers() {
      return tasks.size;
    },
    resize(to: number) {
      this.columns = to;
      for (const task of tasks) task();
    },
    write(text: string) {
      writes++;
      const [, up = '0'] = /^\u001b\[(\d+)F/.exec(text) ?? [];
      const rest = text.replace(/^\u001b\[\d+F/, '');
      t.ok(rest.startsWith('\u001b[0J') || Number(up) === 0);
      lines.splice(lines.length - Number(up));
      lines.push(...rest.replace('\u001b[0J', '').split('\n').slice(0, -1));
    },
    on: (_: 'resize', task: () => void) => tasks.add(task),
    off: (_: 'resize', task: () => void) => tasks.delete(task),
  };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

t.test('the live area - stays at the bottom while lines go by above', async (t) => {
  const screen = terminal();
  const area = new LiveArea(screen);
  area.show(() => ['one', 'two']);
  await turn();
  area.print('said');
  area.show(() => ['three']);
  await turn();
  t.strictSame(screen.lines, ['said', 'three']);
  t.equal(screen.writes, 2, 'what happens in one turn is written at once');
  area.print('last');
  area.close();
  area.print('after');
  t.strictSame(screen.lines, ['said', 'last', 'three', 'after']);
  t.equal(screen.watchers, 0);
});

t.test('the live area - fits the terminal, as it is now', async (t) => {
  const screen = terminal(5, 3);
  const area = new LiveArea(screen);
  area.show(({ columns }) => [`${columns}`.repeat(10), 'b', 'c', 'd']);
  await turn();
  t.strictSame(screen.lines, ['5555', 'b']);
  screen.resize(9);
  await turn();
  t.strictSame(screen.lines, ['99999999', 'b']);
  area.close();
});

t.test('the live area - colours take no room, and end where a line is cut', (t) => {
  const red = '\u001b[31mred\u001b[0m!';
  t.equal(visibleLength(red), 4);
  t.equal(cut(red, 10), red);
  t.equal(cut(red, 2), '\u001b[31mre\u001b[0m');
  t.equal(cut('plain', 3), 'pla');
  t.equal(
    table([
      [red, 'x'],
      ['12345', 'y'],
    ]),
    `${red}   x\n12345  y`,
  );
  t.end();
});
