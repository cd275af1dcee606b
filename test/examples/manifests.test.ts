import { CHECKOUT } from '@harbor/testbed';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { harborCommandsOf, manifestOf, runCommandOf, valuesOf } from './support/example.js';

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
    const words = runCommandOf(folder);
    t.strictSame(valuesOf(words, '--app'), [name], `${folder}: the name`);
    t.strictSame(valuesOf(words, '--service'), Object.keys(services), `${folder}: the services`);
    t.equal(Number(valuesOf(words, '--instances')[0] ?? 1), instances, `${folder}: the instances`);
    for (const kind of Object.values(services)) t.equal(kind, 'harbor', `${folder}: the kind of service`);
    for (const [key, value] of Object.entries(env))
      t.match(words.join(' '), `${key}=${value}`, `${folder}: ${key}`);
    const manifest = `run --manifest examples/${folder}/stackato.yml`;
    t.ok(
      harborCommandsOf(folder).some((command) => command.join(' ') === manifest),
      `${folder}: ${manifest}`,
    );
  }
});
