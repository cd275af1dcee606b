import fc from 'fast-check';
import { execFileSync } from 'node:child_process';
import t from 'tap';
import { shellQuoted, shellWord } from '../src/index.js';

t.test('shell - a word that needs no quotes has none', async (t) => {
  for (const plain of ['web', 'udp-debug_port', '/srv/harbor.d', '10.0.0.1:8190', 'a@b', '50%'])
    t.equal(shellWord(plain), plain);
});

t.test('shell - whatever is in a text, a shell reads it as one word', async (t) => {
  const odd = [
    '',
    ' ',
    "it's",
    'a b',
    '$HOME',
    '`id`',
    '~',
    '*',
    'a"b',
    'a\\',
    '#x',
    'a;b',
    '!!',
    'ä',
    'a\nb',
    "''",
  ];
  const character = fc.constantFrom(...Array.from(' \'"$`\\*?[]{}();&|<>#~!\na1'));
  const made = fc.sample(fc.string({ unit: character, maxLength: 12 }), { numRuns: 200, seed: 4_100 });
  const texts = [...odd, ...made];
  for (const [name, quote] of Object.entries({ shellWord, shellQuoted })) {
    const script = texts.map((text) => `printf '%s\\0' ${quote(text)}`).join('\n');
    const read = execFileSync('sh', ['-c', script], { encoding: 'utf8' }).split('\0').slice(0, -1);
    t.strictSame(read, texts, name);
  }
});
