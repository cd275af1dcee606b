import { eventually, startCommand, TestHarbor, CHECKOUT, type Scope } from '@harbor/testbed';
import { once } from 'node:events';
import { join } from 'node:path';
import t from 'tap';

/** `harbor run` shows people on a terminal a table, and everybody else plain lines. */
const harbor = await TestHarbor.start(t);
const web = await harbor.create('web');
const APP = `--app demo --instances 2 --service web -- ${process.execPath} examples/echo.js`;

/** `harbor run` on a terminal of its own (script(1)); what it wrote, and its keyboard. */
function onTerminal(t: Scope, env: NodeJS.ProcessEnv) {
  const run = `stty cols 100 rows 30; exec ${process.execPath} ${join(CHECKOUT, 'bin/harbor')} run ${APP}`;
  const child = startCommand('script', ['-qec', run, '/dev/null'], {
    cwd: CHECKOUT,
    env: { ...harbor.env, TERM: 'xterm', ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout?.on('data', (data) => (text += String(data)));
  // It may end before it is told to.
  child.stdin?.on('error', () => undefined);
  // Closed, and not only ended: all that it wrote is here.
  const ended = once(child, 'close') as Promise<[number]>;
  const end = async (): Promise<number> => {
    if (child.exitCode === null) child.stdin?.write('\u0003');
    return (await ended)[0];
  };
  t.teardown(end);
  return { text: () => text, end };
}

t.test('harbor run - on a terminal, a table that changes in its place', async (t) => {
  const terminal = onTerminal(t, {});
  // A table comes in pieces; the last line of a whole one is the second instance's.
  const row = (at: number) => `${at} +\u001b\\[32mserves\u001b\\[0m +\\d+ +web 127\\.0\\.0\\.1:\\d+\\r\\n`;
  const rows = new RegExp(row(0) + row(1));
  const last = await eventually('both to serve', () =>
    terminal
      .text()
      .split('\u001b[0J')
      .findLast((table) => table.includes('2 of 2 serve') && rows.test(table)),
  );
  t.match(last, /service +protocol +clients connect to\r\nweb +tcp +127\.0\.0\.1:\d+\r\n/);
  t.ok(last.includes(`127.0.0.1:${web.port}`));
  t.match(last, rows);
  t.match(terminal.text(), /\u001b\[\d+F\u001b\[0J/, 'it was written over');
  t.ok(
    await eventually('what the instances print to go by above', () =>
      /\[demo\/0\]\u001b\[0m TCP on \d+/.test(terminal.text()),
    ),
  );
  t.equal(await terminal.end(), 0);
  t.match(terminal.text(), /stopped/);
});

t.test('harbor run - NO_COLOR leaves the table without colours', async (t) => {
  const terminal = onTerminal(t, { NO_COLOR: '1' });
  await eventually('both to serve', () => terminal.text().includes('2 of 2 serve'));
  t.notMatch(terminal.text(), /\u001b\[\d*m/);
  t.equal(await terminal.end(), 0);
});

t.test('harbor run - anywhere else, plain lines with ports and addresses', async (t) => {
  const app = harbor.run(t, APP.split(' '));
  await app.said(/demo: instance \d serves tcp 127\.0\.0\.1:\d+ behind web \(port \d+\)/, 2);
  await app.said(new RegExp(`demo: web: tcp, clients connect to 127\\.0\\.0\\.1:${web.port}`));
  t.equal(await app.stop(), 0);
  t.notMatch(app.lines.join('\n'), /\u001b/);
});
