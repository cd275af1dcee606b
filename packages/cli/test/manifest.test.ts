import fc from 'fast-check';
import t from 'tap';
import { parseManifest, type Manifest, type ManifestApplication } from '../src/index.js';

function read(text: string, env: Record<string, string> = {}, app?: string): Manifest {
  return parseManifest(text, { env, app, unnamed: 'folder' });
}

/** The only application of a manifest without problems. */
function clean(text: string, env?: Record<string, string>, app?: string): ManifestApplication {
  const { applications, problems } = read(text, env, app);
  t.strictSame(problems, []);
  return applications[0]!;
}

const MY_PORT = { name: 'port-test', services: [{ name: 'my-port' }] };

t.test('Requesting a Port - the stackato.yml and the manifest.yml of the documents', (t) => {
  t.match(clean('name: port-test\nmem: 256\nservices:\n  my-port: harbor\n'), { ...MY_PORT, memory: 256 });
  t.match(clean('name: port-test\nmemory: 256\nservices:\n  my-port: harbor\n'), { ...MY_PORT, memory: 256 });
  t.end();
});

t.test('Harbor Environment Variables - services named after the application', (t) => {
  const text = 'name: port-test\nservices:\n  udp-${name}: harbor\n  tcp-${name}: harbor\n';
  t.strictSame(clean(text).services, [{ name: 'udp-port-test' }, { name: 'tcp-port-test' }]);
  t.strictSame(clean(text, {}, 'other').services, [{ name: 'udp-other' }, { name: 'tcp-other' }]);
  const unnamed = clean('services:\n  udp-${name}: harbor\n');
  t.match(unnamed, { name: 'folder', services: [{ name: 'udp-folder' }] }, 'one nobody has named');
  t.end();
});

t.test('HTTPS Container Proxy - a service with the suffix', (t) => {
  const text = 'name: harbor-test-app\n\nservices:\n  custom-cert-https: harbor\n';
  t.strictSame(clean(text).services, [{ name: 'custom-cert-https' }]);
  t.end();
});

t.test('manifests - both forms, with what is common to all applications', (t) => {
  const list =
    'env:\n  A: 1\nmemory: 64M\napplications:\n- name: one\n  memory: 1.5G\n- name: two\n  instances: 3\n';
  t.match(read(list).applications, [
    { name: 'one', memory: 1_536, env: { A: '1' } },
    { name: 'two', memory: 64, instances: 3, env: { A: '1' } },
  ]);
  const map = 'applications:\n  .:\n    name: one\n    stackato:\n      mem: 32\n    mem: 64\n  web: {}\n';
  t.match(read(map).applications, [
    { name: 'one', folder: '.', memory: 32 },
    { name: 'folder', folder: 'web' },
  ]);
  const merged = 'applications:\n- &base\n  name: one\n  instances: 2\n- <<: *base\n  name: two\n';
  t.match(read(merged).applications, [{}, { name: 'two', instances: 2 }]);
  t.end();
});

t.test('manifests - services as a mapping and as a list, with types, plans and parameters', (t) => {
  const more = '{type: harbor, plan: udp, parameters: {max_connections: 5}}';
  const wanted = [
    { name: 'a' },
    { name: 'b', plan: 'udp', parameters: { max_connections: 5 } },
    { name: 'c' },
  ];
  t.strictSame(clean(`services:\n  a: harbor\n  b: ${more}\n  c:\n`).services, wanted);
  t.strictSame(clean(`services:\n- a\n- b: ${more}\n- {name: c, label: harbor-1.0}\n`).services, wanted);
  t.strictSame(clean('services:\n  harbor: old-form\n').services, [{ name: 'old-form' }]);

  const other = read('services:\n  my-db: mysql\n  my-port: harbor\n');
  t.strictSame(other.applications[0]?.services, [{ name: 'my-port' }]);
  t.match(other.problems, [{ severity: 'warning', message: /my-db.*no mysql/, line: 2, column: 3 }]);
  t.match(read('name: x\nservices:\n  x: harbor\n  ${name}: harbor\n').problems, [
    { severity: 'error', message: /named twice/, line: 4 },
  ]);
  t.end();
});

t.test('manifests - names are expanded from the manifest and from the environment', (t) => {
  const services = 'services:\n  ${name}-${USER}: harbor\n  udp-$STAGE: harbor\n';
  const text = `name: a-\${STAGE}\nenv:\n  STAGE: test\n${services}`;
  t.match(clean(text, { USER: 'jo', STAGE: 'outside' }), {
    name: 'a-test',
    services: [{ name: 'a-test-jo' }, { name: 'udp-test' }],
  });
  t.match(read('name: x\nservices:\n  udp-${nmae}: harbor\n').problems, [
    { severity: 'error', message: /\$\{nmae\} is neither/, line: 3, column: 3 },
  ]);
  t.match(read('name: ${name}\n').problems, [{ severity: 'error' }], 'one that refers to itself');
  t.end();
});

t.test('manifests - commands, processes and hooks; what is not the manifest’s is the shell’s', (t) => {
  const app = clean('name: x\ncommand: serve ${name} ${PORT} $HOME\nhooks:\n  pre-running:\n  - a ${name}\n');
  t.match(app, { command: 'serve x ${PORT} $HOME', http: true, preRunning: ['a x'] });
  t.match(clean('processes:\n  web: python web.py\n'), { command: 'python web.py', http: true });
  t.match(clean('command: work\nprocesses:\n  web: ~\n'), { command: 'work', http: false });
  t.match(clean('command: work\nno-route: true\nhooks:\n  pre-running: one\n'), {
    http: false,
    preRunning: ['one'],
  });
  t.end();
});

t.test('manifests - variables, with defaults, with what is outside, and required ones', (t) => {
  const text = 'name: x\nenv:\n  A: ${name}!\n  B: {default: b}\n  C: {default: c}\n  PATH: /o:${PATH}\n';
  t.strictSame(clean(text, { C: 'outside', PATH: '/bin' }).env, {
    A: 'x!',
    B: 'b',
    C: 'outside',
    PATH: '/o:/bin',
  });
  t.match(read('env:\n  TOKEN: {required: true}\n').problems, [
    { severity: 'error', message: /TOKEN is required/, line: 2, column: 3 },
  ]);
  const unknown = read('env:\n  A: ${NOTHING}\n');
  t.match(unknown, { applications: [{ env: { A: '${NOTHING}' } }], problems: [{ severity: 'warning' }] });
  t.end();
});

t.test('manifests - unknown keys are named, and what has no effect in one line', (t) => {
  t.match(read('name: x\ninstanses: 2\nframework:\n  type: node\nurl: x.y\n').problems, [
    { severity: 'warning', message: /"instanses".*did you mean instances\?/, line: 2, column: 1 },
    { severity: 'warning', message: 'without effect in harbor run: framework, url', line: 3, column: 1 },
  ]);
  t.match(read('processes:\n  worker: x\nhooks:\n  post-staging: x\n').problems, [
    { severity: 'warning', message: /worker/, line: 2 },
    { severity: 'warning', message: /post-staging.*run it by hand/, line: 4 },
  ]);
  t.match(read('hooks:\n  pre-runing: x\n').problems, [
    { severity: 'warning', message: /the hook pre-runing is left out: did you mean pre-running\?/ },
  ]);
  t.end();
});

t.test('manifests - what is broken is an error with its line and column', (t) => {
  const cases: [string, number, number, RegExp][] = [
    ['name: port-test\nmemory: 256\n  my-port: harbor\n', 2, 9, /not YAML/],
    ['name: x\nname: y\n', 2, 1, /not YAML.*unique/],
    ['name: x\nservices:\n\t- a\n', 3, 1, /not YAML/],
    ['', 1, 1, /nothing in it/],
    ['- a\n', 1, 1, /a manifest has to be a mapping/],
    ['mem: much\n', 1, 6, /memory has to be/],
    ['a: 1\ninstances: 0\n', 2, 12, /instances has to be/],
    ['name: [x]\n', 1, 7, /name has to be one value/],
    ['services: one\n', 1, 11, /services has to be a mapping/],
    ['applications:\n', 1, 1, /no application/],
    ['no-route: perhaps\n', 1, 11, /true or false/],
    ['name: a\n---\nname: b\n', 2, 1, /^a manifest is one document/],
    ['env: {A: "x\\0y"}\n', 1, 10, /env: A must not hold a NUL/],
    ['command: "x\\0y"\n', 1, 10, /command must not hold a NUL/],
    ['name: ""\n', 1, 7, /the name "" must not be empty/],
    ['name: $NOTHING-x\n', 1, 7, /^\$NOTHING is neither/],
    ['services: ["\\e[31mx"]\n', 1, 12, /the name "\\u001b\[31mx" must be printable text/],
    [`services: [${'x'.repeat(256)}]\n`, 1, 12, /"x{64}…" must have at most 255/],
    ['applications:\n- name: a\n- name: a\n', 3, 3, /two applications are called a/],
  ];
  for (const [text, line, column, message] of cases) {
    const errors = read(text).problems.filter(({ severity }) => severity === 'error');
    t.match(errors[0], { message, line, column }, JSON.stringify(text));
  }
  t.end();
});

t.test('manifests - what create-service would refuse is an error where it stands', (t) => {
  const service = (more: string): string => `name: x\nservices:\n  a: {type: harbor, ${more}}\n`;
  const errors = (text: string) => read(text).problems.filter(({ severity }) => severity === 'error');
  t.match(errors(service('plan: gold')), [
    { message: /there is no plan "gold".*tcp, udp/, line: 3, column: 27 },
  ]);
  const parameters = service('parameters: {ports: 3, port: 70000, allow: [10.0.0.0/99]}');
  t.match(errors(parameters), [
    { message: /^port: must be a port number/, line: 3, column: 50 },
    { message: /^allow\[0\]: must be an address or a CIDR block/, line: 3, column: 64 },
  ]);
  t.match(errors(service('parameters: {ports: 3, prot: udp}')), [
    { message: /^there is no prot; there are protocol/, line: 3, column: 44 },
  ]);
  t.match(errors(service('parameters: 5')), [
    { message: /parameters has to be a mapping/, line: 3, column: 33 },
  ]);
  t.strictSame(errors(service('parameters: ~')), []);
  t.end();
});

t.test('manifests - problems are said in the order of the file', (t) => {
  const { problems } = read('mem: much\ninstances: 0\nenv: [a]\nname: [b]\nservices: {a: {plan: x}}\n');
  t.strictSame(
    problems.map(({ line }) => line),
    [1, 2, 3, 4, 5],
  );
  t.end();
});

t.test('manifests - no text is too strange to be answered', (t) => {
  const words = [
    'name',
    'services',
    'env',
    ': ',
    '\n',
    '  ',
    '- ',
    '&a ',
    '*a',
    '${name}',
    '~',
    '{',
    '<<',
    'x',
  ];
  const texts = fc.oneof(
    fc.string(),
    fc.array(fc.constantFrom(...words), { maxLength: 30 }).map((all) => all.join('')),
  );
  fc.assert(
    fc.property(texts, (text) => {
      const { applications, problems } = read(text);
      return applications.length > 0 || problems.length > 0;
    }),
    { numRuns: 500 },
  );
  const bomb = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map(
    (each, at, all) => `  ${each}: ${at === 0 ? 'x'.repeat(1_000) : `\${${all[at - 1]!}}`.repeat(20)}\n`,
  );
  t.match(read(`env:\n${bomb.join('')}`).problems, [{ severity: 'warning' }], 'references that multiply end');
  t.end();
});
