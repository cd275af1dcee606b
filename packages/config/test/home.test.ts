import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { ensureHome, openHome } from '../src/index.js';

t.test('home - what is missing is made, what is there stays, and var is for its owner only', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'harbor-home-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const home = openHome({ HARBOR_HOME: join(directory, 'a/b') });
  ensureHome(home);
  ensureHome(home);
  t.strictSame(readdirSync(home.dir), ['etc', 'logs', 'var']);
  t.equal(statSync(home.var).mode & 0o777, 0o700);
  t.end();
});

t.test('home - where nothing can be made that is an error, and no wait without end', (t) => {
  t.throws(() => ensureHome(openHome({ HARBOR_HOME: '/proc/harbor/home' })), { code: 'ENOENT' });
  t.end();
});
