import { runCommand } from '@harbor/testbed';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { appRoot, Framework, signed, startProxy } from './support/stage.js';

t.test('tools - h2load and testssl.sh find nothing to complain of', async (t) => {
  const framework = await Framework.start(t);
  const root = appRoot(t, { harbor: signed('localhost') });
  const { port } = await startProxy(t, root.path, framework.port);

  for (const kind of [['--h1'], []]) {
    const { stdout } = await runCommand('h2load', [
      ...kind,
      '-n',
      '2000',
      '-c',
      '20',
      '-m',
      '10',
      `https://127.0.0.1:${port}/load`,
    ]);
    t.match(stdout, /2000 succeeded, 0 failed, 0 errored, 0 timeout/);
  }

  const json = join(root.path, 'testssl.json');
  const checks = ['--protocols', '--std', '--fs', '--vulnerable'];
  const quick = ['--quiet', '--color', '0', '--warnings', 'batch', '--fast', '--nodns', 'none'];
  // It takes settings from variables of many names: it gets none but these.
  const env = { PATH: process.env.PATH, HOME: root.path, TERM: 'dumb' };
  const words = [...quick, ...checks, '--jsonfile', json, `127.0.0.1:${port}`];
  const { code, stdout, stderr } = await runCommand('testssl', words, { env });
  t.ok(existsSync(json), `it ended with ${code}: ${stdout}${stderr}`);
  const found = JSON.parse(readFileSync(json, 'utf8')) as { id: string; severity: string; finding: string }[];
  t.ok(found.length > 30, 'it has looked');
  t.match(
    found.find(({ id }) => id === 'TLS1_3'),
    { severity: 'OK' },
  );
  t.strictSame(
    found.filter(({ severity }) => ['MEDIUM', 'HIGH', 'CRITICAL', 'FATAL'].includes(severity)),
    [],
    'nothing above LOW',
  );
});
