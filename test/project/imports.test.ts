import { CHECKOUT, runCommand } from '@harbor/testbed';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import t from 'tap';

/** A copy of the sources with one more file in it. */
function checkoutWith(t: { teardown(task: () => unknown): unknown }, file: string, text: string): string {
  const copy = mkdtempSync(join(tmpdir(), 'harbor-imports-'));
  t.teardown(() => rmSync(copy, { recursive: true, force: true }));
  const fromHere = (path: string): boolean =>
    !/\/(dist|node_modules)(\/|$)/.test(path.slice(CHECKOUT.length));
  for (const each of [
    'packages',
    'package.json',
    '.dependency-cruiser.cjs',
    'tsconfig.base.json',
    'tsconfig.depcruise.json',
  ])
    cpSync(join(CHECKOUT, each), join(copy, each), { recursive: true, filter: fromHere });
  symlinkSync(join(CHECKOUT, 'node_modules'), join(copy, 'node_modules'));
  mkdirSync(join(copy, file, '..'), { recursive: true });
  writeFileSync(join(copy, file), text);
  return copy;
}

const forbidden: Record<string, readonly [file: string, text: string, rule: string]> = {
  'the core knows no I/O': ['packages/core/src/wrong.ts', "import 'node:fs';\n", 'core-imports-nothing'],
  'wire knows no adapter': [
    'packages/wire/src/wrong.ts',
    "import '../../bus/src/bus.js';\n",
    'wire-imports-core-only',
  ],
  'adapters never meet': [
    'packages/store/src/wrong.ts',
    "import '../../bus/src/bus.js';\n",
    'adapters-never-meet',
  ],
  'processes never meet': [
    'packages/node/src/wrong.ts',
    "import '../../gateway/src/index.js';\n",
    'processes-never-meet',
  ],
  'what is below knows no process': [
    'packages/runtime/src/wrong.ts',
    "import '../../node/src/node.js';\n",
    'runtime-below-processes',
  ],
  'the client stands alone': [
    'packages/client/src/wrong.ts',
    "import '../../core/src/index.js';\n",
    'client-stands-alone',
  ],
  'the client needs nats only': [
    'packages/client/src/wrong.ts',
    "import 'fast-check';\n",
    'client-needs-nats-only',
  ],
};

for (const [sentence, [file, text, rule]] of Object.entries(forbidden)) {
  t.test(`imports - ${sentence}, and the check says so`, async (t) => {
    const cwd = checkoutWith(t, file, text);
    const program = join(CHECKOUT, 'node_modules/.bin/depcruise');
    const { code, stdout, stderr } = await runCommand(
      program,
      ['--config', '.dependency-cruiser.cjs', 'packages'],
      { cwd },
    );
    t.not(code, 0, stderr);
    t.match(stdout, new RegExp(`error ${rule}: ${file}`));
  });
}
