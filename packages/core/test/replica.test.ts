import t from 'tap';
import {
  claimId,
  LeaseTable,
  ManualClock,
  ownerOf,
  Replica,
  backoffDelay,
  type Change,
} from '../src/index.js';

function name(id: string, instance: string | undefined, revision: number): Change {
  return { kind: 'name', id, value: instance === undefined ? undefined : { instance }, revision };
}

t.test('replica - follows a snapshot and the changes after it', (t) => {
  const replica = new Replica();
  replica.reset({ epoch: 'e', revision: 3, records: [name('a', '1', 2), name('b', '1', 3)] });
  replica.apply(name('a', '2', 4));
  replica.apply(name('b', undefined, 5));
  t.equal(replica.get('name', 'a')?.instance, '2');
  t.equal(replica.revisionOf('name', 'a'), 4);
  t.equal(replica.get('name', 'b'), undefined);
  t.equal(replica.count('name'), 1);
  t.equal(replica.revision, 5);
  t.end();
});

t.test('replica - a change older than the record is ignored', (t) => {
  const replica = new Replica();
  replica.reset({ epoch: 'e', revision: 9, records: [name('a', 'new', 9)] });
  replica.apply(name('a', 'old', 4));
  t.equal(replica.get('name', 'a')?.instance, 'new');
  t.equal(replica.revision, 9);
  t.end();
});

t.test('replica - a reset forgets everything before', (t) => {
  const replica = new Replica();
  replica.apply(name('a', '1', 1));
  replica.reset({ epoch: 'f', revision: 0, records: [] });
  t.same([...replica.entries('name')], []);
  t.equal(replica.revision, 0);
  t.end();
});

t.test('claim - names a port of a node', (t) => {
  t.equal(claimId('harbor_node_1', 35000), 'harbor_node_1:35000');
  t.end();
});

t.test('leases - each may have its own length, and a dropped one never expires', (t) => {
  const leases = new LeaseTable();
  leases.renew('short', 10, 0);
  leases.renew('long', 1_000, 0);
  leases.renew('gone', 10, 0);
  leases.drop('gone');
  t.same(leases.expired(10), ['short']);
  t.equal(leases.size, 2);
  leases.renew('short', 10, 10);
  t.same(leases.expired(19), []);
  t.end();
});

t.test('back-off - doubles up to its most, with up to a quarter taken off at random', (t) => {
  const backoff = { first: 100, most: 1_000 };
  t.same(
    [0, 1, 2, 3, 4, 90].map((attempt) => backoffDelay(backoff, attempt, () => 0)),
    [100, 200, 400, 800, 1_000, 1_000],
  );
  t.equal(
    backoffDelay(backoff, 0, () => 0.999),
    75,
  );
  t.end();
});

t.test('manual clock - runs what is due in order of time, also what is scheduled meanwhile', (t) => {
  const clock = new ManualClock(5);
  const ran: string[] = [];
  clock.schedule(20, () => ran.push(`b@${clock.now()}`));
  clock.schedule(10, () => {
    ran.push(`a@${clock.now()}`);
    clock.schedule(5, () => ran.push(`c@${clock.now()}`));
  });
  clock.schedule(10, () => ran.push('never'))();
  clock.advance(30);
  t.same(ran, ['a@15', 'c@20', 'b@25']);
  t.equal(clock.now(), 35);
  t.end();
});

t.test('replica - which numbers an owner has goes along with the claims', (t) => {
  const replica = new Replica();
  const claim = (owner: { node: string; group?: string }, port: number, revision: number): Change => ({
    ...{ kind: 'port', id: claimId(ownerOf(owner), port), revision },
    value: { ...owner, service: 's', port },
  });
  const snapshot = [claim({ node: 'n1' }, 1, 1), claim({ node: 'n2' }, 2, 1)];
  replica.reset({ epoch: 'e', revision: 1, records: snapshot });
  t.strictSame([...replica.claimed('port', 'n1')], [1]);
  t.strictSame([...replica.claimed('int_port', 'n1')], []);
  replica.apply(claim({ node: 'n1' }, 3, 2));
  replica.apply({ kind: 'port', id: claimId('n1', 1), value: undefined, revision: 3 });
  replica.apply(claim({ node: 'n1' }, 3, 1));
  t.strictSame([...replica.claimed('port', 'n1')], [3]);
  replica.apply(claim({ node: 'n1', group: 'g' }, 4, 4));
  t.strictSame([...replica.claimed('port', '@g')], [4], "a group's are its own");
  replica.reset({ epoch: 'f', revision: 9, records: [claim({ node: 'n1' }, 7, 9)] });
  t.strictSame([...replica.claimed('port', 'n1')], [7]);
  t.strictSame([...replica.claimed('port', '@g')], []);
  t.end();
});
