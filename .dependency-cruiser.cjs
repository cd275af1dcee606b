/** The import direction: core <- wire <- adapters <- runtime <- processes. Adapters never meet. */
const adapters = [
  'config',
  'log',
  'machine',
  'store',
  'bus',
  'relay',
  'nftables',
  'health',
  'component',
  'terminal',
  'certificates',
];
const processes = ['gateway', 'node', 'connector', 'kato', 'cli', 'https-proxy'];
const inside = (names) => `^packages/(${names.join('|')})/src`;

module.exports = {
  forbidden: [
    {
      name: 'core-imports-nothing',
      severity: 'error',
      comment: 'The core knows no I/O: it imports only itself.',
      from: { path: inside(['core']) },
      to: { pathNot: inside(['core']) },
    },
    {
      name: 'wire-imports-core-only',
      severity: 'error',
      from: { path: inside(['wire']) },
      to: { path: '^packages/', pathNot: inside(['core', 'wire']) },
    },
    {
      name: 'adapters-never-meet',
      severity: 'error',
      comment: 'An adapter may import core, wire and itself; only processes put adapters together.',
      from: { path: `^packages/(${adapters.join('|')})/src` },
      to: { path: '^packages/', pathNot: ['^packages/$1/', inside(['core', 'wire'])] },
    },
    {
      name: 'runtime-below-processes',
      severity: 'error',
      from: { path: inside(['runtime']) },
      to: { path: inside(processes) },
    },
    {
      name: 'processes-never-meet',
      severity: 'error',
      comment: 'Processes talk over NATS and Redis, not by import.',
      from: { path: `^packages/(${processes.join('|')})/src` },
      to: { path: inside(processes), pathNot: '^packages/$1/' },
    },
    {
      name: 'client-stands-alone',
      severity: 'error',
      comment: 'Programs that are no part of Harbor run it: it needs nothing of Harbor but the messages.',
      from: { path: inside(['client']) },
      to: { path: '^packages/', pathNot: inside(['client']) },
    },
    {
      name: 'client-needs-nats-only',
      severity: 'error',
      from: { path: inside(['client']) },
      to: { dependencyTypes: ['npm', 'npm-dev', 'npm-optional'], pathNot: 'node_modules/nats/' },
    },
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    { name: 'no-unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: ['/dist/', '\\.d\\.ts$'] },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.depcruise.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'default'] },
  },
};
