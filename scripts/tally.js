// Reads a TAP report, prints what failed with its details, and as the closing line how many assertions passed
// and failed. With CI=true a skipped or unfinished test is a failure: nothing may pass by not running.
import { readFileSync } from 'node:fs';
import { Parser } from 'tap-parser';

const report = readFileSync(process.argv[2], 'utf8');
const strict = process.env.CI === 'true';
let skipped = 0;

const parser = new Parser();
watch(parser, '');
parser.on('complete', ({ ok }) => {
  const { pass, fail } = totals();
  // A file that ended before its assertions were counted has failed all the same.
  const failed = (fail || (ok ? 0 : 1)) + (strict ? skipped : 0);
  const left = skipped > 0 && !strict ? `, ${skipped} skipped` : '';
  console.log(`${pass} passed, ${failed} failed${left}`);
  process.exitCode = failed === 0 && pass > 0 ? 0 : 1;
});
parser.end(report);

function watch(level, path) {
  level.on('child', (child) => watch(child, `${path}${child.name} > `));
  level.on('assert', ({ ok, name, skip, todo, diag }) => {
    if (skip || todo) {
      skipped++;
      console.log(`skipped: ${path}${name}`);
    } else if (!ok) {
      console.log(`failed: ${path}${name}`);
      if (diag) console.log(JSON.stringify(diag, null, 2).slice(0, 3_000));
    }
  });
}

/** tap's own totals, which count the assertions of every file: `# { total: 37, pass: 36, fail: 1 }`. */
function totals() {
  const line = report.match(/^# \{ total: .*\}$/gm)?.at(-1) ?? '';
  const read = (name) => Number(new RegExp(`\\b${name}: (\\d+)`).exec(line)?.[1] ?? 0);
  return { pass: read('pass'), fail: read('fail') };
}
