import { CATALOGUE, errorsReference } from '@harbor/core';
import { readFile, writeFile } from 'node:fs/promises';
import t from 'tap';

const PAGE = new URL('../../../../docs/errors.md', import.meta.url);

t.test('errors - docs/errors.md is what the catalogue says', async (t) => {
  if (process.env.HARBOR_WRITE_DOCS === '1') await writeFile(PAGE, errorsReference());
  t.equal(await readFile(PAGE, 'utf8'), errorsReference(), 'else: HARBOR_WRITE_DOCS=1 npm test');
});

t.test('errors - every code has one row, sorted', async (t) => {
  const codes = [...errorsReference().matchAll(/^\| `(\w+)` \|/gm)].map((match) => match[1]);
  t.strictSame(codes, Object.keys(CATALOGUE).sort());
});

t.test('errors - every status is an HTTP error and every text is a sentence', async (t) => {
  for (const [code, { status, summary, remedy }] of Object.entries(CATALOGUE)) {
    t.ok(status >= 400 && status <= 599, `${code} has an error status`);
    t.match(summary, /^([A-Z]|harbor_).*\.$/, `${code} says what it means`);
    t.ok(remedy.length > 0, `${code} says what to do`);
  }
});
