import { CHECKOUT, TestHarbor } from '@harbor/testbed';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { harborCommandsOf, manifestOf, runCommandsOf, startExample, valuesOf } from './support/example.js';

const EXAMPLES = join(CHECKOUT, 'examples');
const folders = readdirSync(EXAMPLES, { withFileTypes: true }).flatMap((entry) =>
  entry.isDirectory() ? entry.name : [],
);

t.test('examples - each has a README, a manifest and a test, and stands in the index', async (t) => {
  const index = readFileSync(join(EXAMPLES, 'README.md'), 'utf8');
  for (const folder of folders) {
    for (const file of ['README.md', 'stackato.yml'])
      t.ok(existsSync(join(EXAMPLES, folder, file)), `${folder}/${file}`);
    t.ok(existsSync(join(CHECKOUT, `test/examples/${folder}.test.ts`)), `the test of ${folder}`);
    t.match(index, `](${folder}/)`, `${folder} in the index`);
  }
});

t.test('examples - a manifest says what the commands of its README say', async (t) => {
  for (const folder of folders) {
    const { name, services, instances = 1, env = {} } = manifestOf(folder);
    const wanted = Object.keys(services);
    for (const kind of Object.values(services)) t.equal(kind, 'harbor', `${folder}: the kind of service`);
    const words = runCommandsOf(folder)[0] ?? [];
    t.strictSame(valuesOf(words, '--app'), [name], `${folder}: the name`);
    t.equal(Number(valuesOf(words, '--instances')[0] ?? 1), instances, `${folder}: the instances`);
    // The HTTPS proxy comes with the name: without it the service is called otherwise.
    const plain = wanted.map((service) => service.replace(/-https$/, ''));
    t.strictSame(valuesOf(words, '--service'), plain, `${folder}: the services`);
    for (const service of plain)
      t.ok(typed(folder, `create-service harbor ${service}`), `${folder}: ${service} is made`);
    const readme = readFileSync(join(EXAMPLES, folder, 'README.md'), 'utf8');
    for (const [key, value] of Object.entries(env))
      t.match(readme, `$ export ${key}=${value}\n`, `${folder}: ${key}`);
    t.ok(typed(folder, `run --manifest examples/${folder}/stackato.yml`), `${folder}: with its manifest`);
  }
});

t.test('examples - each runs by hand, without its manifest, as its README says', async (t) => {
  // The exports of a README, for the shell that types its commands.
  const env = Object.assign(
    {},
    ...folders.map((folder) => manifestOf(folder).env ?? {}),
  ) as NodeJS.ProcessEnv;
  const harbor = await TestHarbor.start(t, { env });
  for (const folder of folders) {
    const { app, port } = await startExample(t, harbor, folder);
    t.ok(port, folder);
    t.equal(await app.stop(), 0, `${folder} ends`);
  }
});

/** True where the README of an example has the command. */
function typed(folder: string, command: string): boolean {
  return harborCommandsOf(folder).some((words) => words.join(' ') === command);
}
