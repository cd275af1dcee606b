import t from 'tap';
import { emptyView, renderView, viewAfter, type RunView } from '../src/app/live-view.js';
import type { ApplicationEvent } from '../src/dea/event.js';

const CREDENTIALS = {
  hostname: 'h.example.com',
  host: '192.0.2.1',
  port: 35_048,
  name: 'id',
  node_id: 'n',
  int_port: 4_100,
};

function after(instances: number, ...events: readonly Partial<ApplicationEvent>[]): RunView {
  const view = events.reduce<RunView>(
    (before, event) => viewAfter(before, { event: 'output', index: 0, message: '', ...event }),
    emptyView('demo', instances),
  );
  return { ...view, services: [{ name: 'web', protocol: 'tcp', credentials: CREDENTIALS }] };
}

t.test('the live table - state, ports and addresses', (t) => {
  const view = after(
    3,
    { event: 'starting', index: 0, pid: 10 },
    { event: 'registered', index: 0, service: 'web', address: '127.0.0.1:20001' },
    { event: 'starting', index: 1, pid: 11 },
    { event: 'waiting', index: 1, service: 'web', address: '127.0.0.1:20002' },
  );
  t.strictSame(renderView(view, { rows: 40 }), [
    'demo  1 of 3 serve; Ctrl-C ends them',
    'service  protocol  clients connect to',
    'web      tcp       h.example.com:35048',
    'instance  state               pid  at',
    '0         serves              10   web 127.0.0.1:20001',
    '1         listens not yet     11   has to listen at 127.0.0.1:20002 for web',
    '2         waits for its turn  -',
  ]);
  t.end();
});

t.test('the live table - what crashed, when it starts again, and what stops', (t) => {
  const registered = { event: 'registered', service: 'web', address: 'a:1' } as const;
  const crashed = after(
    1,
    { event: 'starting', pid: 10 },
    registered,
    registered,
    { event: 'exited', message: 'instance 0 ended with exit code 3' },
    { event: 'restarting', message: 'instance 0 is started again in 0.5 s' },
  );
  t.strictSame(crashed.instances, [
    { state: 'restarts', serves: [], remark: 'ended with exit code 3, again in 0.5 s' },
  ]);
  const stopping = after(1, { event: 'starting', pid: 10 }, registered, registered, { event: 'stopping' });
  t.strictSame(stopping.instances, [{ state: 'stops', serves: ['web a:1'], pid: 10 }]);
  t.match(renderView(stopping, { rows: 40 })[0], /0 of 1 serve; Ctrl-C again ends them at once$/);
  const stopped = after(1, { event: 'stopped' });
  t.match(stopped.instances, [{ state: 'stopped' }]);
  t.equal(renderView(stopped, { rows: 40 })[0], 'demo  0 of 1 serve');
  t.end();
});

t.test('the live table - many instances leave half of the terminal to what they say', (t) => {
  const lines = renderView(after(1_000), { rows: 24 });
  t.ok(lines.length <= 12);
  t.match(lines.at(-1), /and 993 more/);
  t.end();
});
