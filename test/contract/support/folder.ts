import { temporaryDirectory, type Scope } from '@harbor/testbed';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** A folder with files in it, that goes with the test. */
export function folder(t: Scope, files: Readonly<Record<string, string>>): string {
  const directory = temporaryDirectory();
  t.teardown(() => directory.remove());
  const { path } = directory;
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(path, name)), { recursive: true });
    writeFileSync(join(path, name), text);
  }
  return path;
}
