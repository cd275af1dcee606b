import { readFileSync, writeFileSync } from 'node:fs';
import t from 'tap';
import {
  CORE_CHANNELS,
  coreAccess,
  DEA_SUBJECTS,
  joinAdmission,
  joinRefusal,
  joinRequest,
  messagesReference,
} from '../src/index.js';

/** packages/wire/dist/test → four levels up. */
const PATH = new URL('../../../../docs/reference/messages.md', import.meta.url);

t.test('reference - docs/reference/messages.md is what the schemas say', (t) => {
  if (process.env.HARBOR_WRITE_DOCS === '1') writeFileSync(PATH, messagesReference());
  t.equal(readFileSync(PATH, 'utf8'), messagesReference(), 'else: HARBOR_WRITE_DOCS=1 npm test');
  t.end();
});

t.test('reference - the exchange that attaches a node is described, with every field of it', (t) => {
  const text = messagesReference();
  for (const field of [
    ...Object.keys(joinRequest.shape),
    ...Object.keys(joinAdmission.shape),
    ...Object.keys(joinRefusal.shape),
    ...Object.keys(coreAccess.shape),
  ])
    t.match(text, new RegExp(`\\| \`${field}\` \\| [^|]+ \\| [^|]* \\| `));
  for (const name of Object.values(CORE_CHANNELS)) t.match(text, `\`${name}`);
  t.end();
});

t.test('reference - every subject of the DEAs is described, and every field of a registration', (t) => {
  const text = messagesReference();
  for (const subject of Object.values(DEA_SUBJECTS)) t.match(text, `### \`${subject}\``);
  for (const field of ['dea', 'app', 'instance', 'service', 'host', 'port', 'protocol'])
    t.match(text, new RegExp(`\\| \`${field}\` \\| [^|]+ \\| [^|]* \\| \\w`));
  t.end();
});
