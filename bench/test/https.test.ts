import t from 'tap';
import { h2load } from '../src/https/parse.js';

t.test('h2load - requests per second, and whatever went wrong', async (t) => {
  const text = (failed: number, server: number): string => `
finished in 3.01s, 11547.00 req/s, 1.87MB/s
requests: 34641 total, 34641 started, 34641 done, 34641 succeeded, ${failed} failed, 0 errored, 0 timeout
status codes: 34641 2xx, 0 3xx, 0 4xx, ${server} 5xx
`;
  t.strictSame(h2load(text(0, 0)), { rate: 11_547, failed: 0 });
  t.strictSame(h2load(text(1, 2)), { rate: 11_547, failed: 3 });
  t.throws(() => h2load('nothing'), /no result/);
});
