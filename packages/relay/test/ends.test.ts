import t from 'tap';
import { loadBinding } from '../src/ends/handles.js';
import { fastestEnds, streamEnds, type End } from '../src/index.js';
import { startRelay, useEnds } from './support/rig.js';
import { dial, listen } from './support/tcp.js';

const binding: unknown = Reflect.get(process, 'binding');

/** What this Node has, with one piece of a module another. */
function without(module: string, piece: string): (name: string) => unknown {
  return (name) => {
    const real = Reflect.apply(binding as () => object, process, [name]) as object;
    return name === module ? { ...real, [piece]: undefined } : real;
  };
}

t.test('the relay goes by bare handles on this Node', (t) => {
  t.ok(loadBinding());
  t.not(fastestEnds(), streamEnds);
  t.end();
});

t.test('a Node that lacks a piece of what handles need is found out at the start', (t) => {
  for (const [module, piece] of [
    ['tcp_wrap', 'TCP'],
    ['tcp_wrap', 'TCPConnectWrap'],
    ['tcp_wrap', 'constants'],
    ['stream_wrap', 'WriteWrap'],
    ['stream_wrap', 'ShutdownWrap'],
    ['stream_wrap', 'streamBaseState'],
    ['stream_wrap', 'kLastWriteWasAsync'],
  ] as const)
    t.equal(loadBinding(without(module, piece)), undefined, piece);
  t.equal(
    loadBinding(() => undefined),
    undefined,
    'no binding at all',
  );
  t.equal(
    fastestEnds(() => undefined),
    streamEnds,
    'and it goes by streams',
  );
  t.end();
});

t.test('what is short on this machine is not the fault of a backend', async (t) => {
  const nowhere: End = {
    remote: { host: '', port: 0 },
    local: { host: '', port: 0 },
    bytesRead: 0,
    bytesWritten: 0,
    unsent: 0,
    reset: () => undefined,
  };
  useEnds({
    ...fastestEnds(),
    connect: (_to, done) => {
      setImmediate(done, 'EMFILE');
      return nowhere;
    },
  });
  const rig = await startRelay(t, 'tcp');
  const { backend } = await listen(t, 0);
  await rig.route([backend]);
  t.equal(await dial(rig.port).closed, 'ECONNRESET');
  t.match(rig.told, [/^listening/, /failed here: EMFILE$/]);
  t.notOk(rig.stats().backends[0]?.lastError);
});
