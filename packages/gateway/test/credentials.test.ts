import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import t from 'tap';
import { ACCOUNT, memoryGateway, TOKEN } from './support/fixture.js';

/** What is compared in constant time from here on: the length of both sides, for each comparison. */
function comparisons(t: { teardown(task: () => void): void }): [number, number][] {
  const real = crypto.timingSafeEqual;
  const seen: [number, number][] = [];
  const use = (compare: typeof real): void => {
    crypto.timingSafeEqual = compare;
    syncBuiltinESMExports();
  };
  use((a, b) => {
    seen.push([a.byteLength, b.byteLength]);
    return real(a, b);
  });
  t.teardown(() => use(real));
  return seen;
}

const HASH = 32;
const { username, password } = ACCOUNT;
const basic = (user: string, secret: string) =>
  `Basic ${Buffer.from(`${user}:${secret}`).toString('base64')}`;

t.test('credentials - are compared in constant time, whatever of them is wrong', async (t) => {
  const { call } = memoryGateway();
  const seen = comparisons(t);
  const given: [string, string, boolean][] = [
    ['right', basic(username, password), true],
    ['a wrong user', basic('x', password), false],
    ['a wrong password', basic(username, 'x'), false],
    ['the first letters', basic(username, password.slice(0, -1)), false],
    ['a letter more', basic(username, `${password}x`), false],
    ['both swapped', basic(password, username), false],
    ['nothing', basic('', ''), false],
    ['no header', '', false],
    ['another scheme', `Bearer ${password}`, false],
    ['a megabyte', basic(username, 'x'.repeat(10_000)), false],
  ];
  for (const path of ['/v2/catalog', '/api/v1/services', '/varz'])
    for (const [what, authorization, isRight] of given) {
      seen.length = 0;
      const { status } = await call('GET', path, undefined, { authorization });
      t.equal(status, isRight ? 200 : 401, `${path}: ${what}`);
      // Both, each time: which of them is wrong takes no less time.
      t.strictSame(
        seen,
        [
          [HASH, HASH],
          [HASH, HASH],
        ],
        `${path}: ${what} is compared by hashes`,
      );
    }
});

t.test('credentials - the v1 token is compared in constant time', async (t) => {
  const { call } = memoryGateway();
  const seen = comparisons(t);
  for (const token of [TOKEN, TOKEN.slice(0, -1), `${TOKEN}x`, '', 'x'.repeat(10_000)]) {
    seen.length = 0;
    const headers = { 'content-type': 'application/json', 'x-vcap-service-token': token };
    const { status } = await call('PUT', '/gateway/v1/configurations', undefined, headers);
    t.equal(status === 401, token !== TOKEN);
    t.strictSame(seen, [[HASH, HASH]]);
  }
});
