import t from 'tap';
import { renderForwards, renderTable } from '../src/isolation/forwarding.js';
import { insidePorts } from '../src/isolation/inside-ports.js';
import { isLeft, namespaceName, ourselves, tableName } from '../src/isolation/owner.js';

t.test('isolation - what is left names its owner, and an owner that lives keeps it', (t) => {
  const owner = ourselves();
  const dead = { ...owner, started: '1' };
  for (const name of [namespaceName(owner, 7), tableName(owner)]) t.notOk(isLeft(name), name);
  for (const name of [namespaceName(dead, 7), tableName(dead)])
    t.ok(isLeft(name), `${name}: another's pid now`);
  for (const name of ['harbor-run-x-1-1', 'harbor', 'docker', 'harbor_run_1']) t.notOk(isLeft(name), name);
  t.end();
});

t.test('isolation - every instance has the same ports: int_port, and one for HTTP', (t) => {
  const at = (int_port: number, ports?: string[]) => ({
    credentials: ports ? { int_port, ports } : { int_port },
  });
  t.strictSame(insidePorts([at(4100), at(4101)], true), { listens: [4100, 4101], httpPort: 8080 });
  t.strictSame(insidePorts([at(4100), at(4100)], false), { listens: [4100, 4101] }, 'of two nodes');
  t.strictSame(insidePorts([at(4100, ['1', '2', '3']), at(4101), at(8080)], true), {
    listens: [4100, 4103, 8080],
    httpPort: 8081,
  });
  t.end();
});

t.test('isolation - one map leads to all instances', (t) => {
  const to = { host: '10.254.0.2', port: 4100 };
  const forwards = [
    { transport: 'tcp', host: '10.254.0.1', port: 20_001, to },
    { transport: 'udp', host: '10.254.0.1', port: 20_001, to },
  ] as const;
  t.equal(
    renderForwards(forwards, 'whole'),
    '{ 10.254.0.1 . tcp . 20001 : 10.254.0.2 . 4100, 10.254.0.1 . udp . 20001 : 10.254.0.2 . 4100 }',
  );
  t.equal(renderForwards(forwards, 'keys'), '{ 10.254.0.1 . tcp . 20001, 10.254.0.1 . udp . 20001 }');
  t.match(renderTable('harbor_run_1_2'), /^table ip harbor_run_1_2 \{/);
  t.end();
});
