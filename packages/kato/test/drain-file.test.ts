import { HarborError } from '@harbor/core';
import { temporaryDirectory } from '@harbor/testbed';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { makeDrain, targetOf } from '../src/drain/drain.js';
import { DrainsFile } from '../src/drain/drains-file.js';

const central = makeDrain('central', 'tcp://logs.example.com:5140', [], 'json');
const ports = makeDrain('ports', 'udp://[::1]:514', ['harbor_node'], 'syslog');

function fixture(test: Test): DrainsFile {
  const directory = temporaryDirectory();
  test.teardown(() => directory.remove());
  return new DrainsFile(directory.path);
}

function codeOf(work: () => unknown): string {
  try {
    work();
  } catch (thrown) {
    return thrown instanceof HarborError ? `${thrown.code} ${thrown.message}` : String(thrown);
  }
  return 'no error';
}

t.test('a URL names a protocol, a host and a port, and nothing else', async (t) => {
  t.same(targetOf('tcp://logs.example.com:5140'), { protocol: 'tcp', host: 'logs.example.com', port: 5140 });
  t.same(targetOf('udp://10.0.11.101:514/'), { protocol: 'udp', host: '10.0.11.101', port: 514 });
  t.same(targetOf('tcp://[2001:db8::7]:1'), { protocol: 'tcp', host: '2001:db8::7', port: 1 });
  const wrong = [
    'logs.example.com:5140',
    'http://logs.example.com:80',
    'tcp://logs.example.com',
    'tcp://logs.example.com:0',
    'tcp://logs.example.com:65536',
    'tcp://:5140',
    'tcp://user:secret@logs.example.com:5140',
    'tcp://logs.example.com:5140/path',
    'tcp://[not-v6]:5140',
    'tcp://two words:5140',
    '',
  ];
  for (const url of wrong) t.equal(targetOf(url), undefined, `"${url}" is refused`);
});

t.test('everything that is wrong with a new drain is said at once, as wrong usage', async (t) => {
  const said = codeOf(() => makeDrain('a b', 'ftp://x:1', ['harbor_node', 'nginx'], 'xml'));
  t.match(said, /^HARBOR_USAGE /);
  for (const part of [
    /a b/,
    /tcp:\/\/HOST:PORT/,
    /no log of nginx/,
    /harbor_node, /,
    /xml must be one of json, raw/,
  ])
    t.match(said, part);
});

t.test('a process named twice is there once', async (t) => {
  t.same(makeDrain('a', 'tcp://x:1', ['kato', 'kato'], 'raw').processes, ['kato']);
});

t.test('a home without the file has no drains', async (t) => {
  t.same(fixture(t).read(), []);
});

t.test('what is added is read again, by the owner alone, and nothing is left beside it', async (t) => {
  const file = fixture(t);
  file.add(central);
  file.add(ports);
  t.same(new DrainsFile(join(file.path, '..')).read(), [central, ports]);
  t.equal(statSync(file.path).mode & 0o777, 0o600);
  t.same(readdirSync(join(file.path, '..')), ['drains.json']);
});

t.test('a name that is taken is refused, and the first one stays', async (t) => {
  const file = fixture(t);
  file.add(central);
  t.match(
    codeOf(() => file.add({ ...ports, name: 'central' })),
    /^HARBOR_USAGE .*central/,
  );
  t.same(file.read(), [central]);
});

t.test('a drain is deleted by its name, one that is not there is an error', async (t) => {
  const file = fixture(t);
  file.add(central);
  file.add(ports);
  file.delete('central');
  t.same(file.read(), [ports]);
  t.match(
    codeOf(() => file.delete('central')),
    /^HARBOR_DRAIN_NOT_FOUND .*central/,
  );
});

t.test('a broken file is named with its fault, and nobody writes over it', async (t) => {
  const file = fixture(t);
  const broken = {
    'not JSON': '{"drains": [',
    'drains[0].url': JSON.stringify({ drains: [{ ...central, url: 'nowhere' }] }),
    'drains: two have the same name': JSON.stringify({ drains: [central, central] }),
    'drains[0].processes[0]': JSON.stringify({ drains: [{ ...central, processes: ['nginx'] }] }),
  };
  for (const [fault, text] of Object.entries(broken)) {
    writeFileSync(file.path, text);
    const said = [
      codeOf(() => file.read()),
      codeOf(() => file.add(ports)),
      codeOf(() => file.delete('central')),
    ];
    for (const each of said) {
      t.match(each, /^HARBOR_CONFIG_INVALID .*drains\.json/);
      t.ok(each.includes(fault), `${fault} is said`);
    }
    t.equal(readFileSync(file.path, 'utf8'), text);
  }
});
