import t from 'tap';
import { loadBinding } from '../src/ends/handles.js';
import { fastestEnds, streamEnds } from '../src/index.js';

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
