// Counts the assertions of a TAP report and prints them as the closing line. With CI=true a skipped or
// unfinished test is a failure: nothing may pass by not running.
import { readFileSync } from 'node:fs';
import { Parser } from 'tap-parser';

const parser = new Parser();
let skipped = 0;
const count = (child) => {
  child.on('child', count);
  child.on('assert', (result) => {
    if (result.skip || result.todo) {
      skipped++;
      console.log(`skipped: ${result.fullname} ${result.name}`);
    }
  });
};
count(parser);
parser.on('complete', ({ ok, fail }) => {
  const { pass } = totals(readFileSync(process.argv[2], 'utf8'));
  const failed = totals(readFileSync(process.argv[2], 'utf8')).fail || (ok ? 0 : Math.max(1, fail));
  const strict = process.env.CI === 'true' && skipped > 0;
  console.log(
    `${pass} passed, ${failed + (strict ? skipped : 0)} failed${skipped && !strict ? `, ${skipped} skipped` : ''}`,
  );
  process.exitCode = ok && failed === 0 && !strict && pass > 0 ? 0 : 1;
});
parser.end(readFileSync(process.argv[2], 'utf8'));

/** tap's own totals, which count the assertions of every file: `# { total: 37, pass: 36, fail: 1 }`. */
function totals(text) {
  const line = text.match(/^# \{ total: .*\}$/gm)?.at(-1) ?? '';
  const read = (name) => Number(new RegExp(`\\b${name}: (\\d+)`).exec(line)?.[1] ?? 0);
  return { pass: read('pass'), fail: read('fail') };
}
