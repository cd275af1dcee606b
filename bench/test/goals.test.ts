import t from 'tap';
import { median, reached } from '../src/figures.js';
import { ratios, RATIOS } from '../src/lab/goals.js';
import { Samples } from '../src/lab/metrics.js';

t.test('the median is the middle one, or the mean of two', async (t) => {
  t.equal(median([3, 1, 2]), 2);
  t.equal(median([4, 1, 2, 3]), 2.5);
  t.ok(Number.isNaN(median([])));
});

t.test('a figure has the median of its rounds and how far they reach', async (t) => {
  const samples = new Samples();
  for (const value of [5, 1, 3]) samples.add('requests', 'direct', value);
  t.match(samples.figures(), [{ name: 'direct', value: 3, low: 1, high: 5, unit: '1/s' }]);
});

t.test('where more is better the best of the others is the largest', async (t) => {
  const samples = new Samples();
  samples.add('requests', 'harbor-kernel', 150);
  samples.add('requests', 'haproxy-shipped', 90);
  samples.add('requests', 'nginx-tuned', 100);
  const [figure, ...more] = ratios(samples);
  t.match(figure, { group: RATIOS, value: 1.5, atLeast: 1.45, unit: '×' });
  t.strictSame(more, [], 'direct and the relay were not measured');
});

t.test('where less is better the best of the others is the smallest', async (t) => {
  const samples = new Samples();
  samples.add('requestP99', 'harbor-relay', 3);
  samples.add('requestP99', 'haproxy-tuned', 4);
  samples.add('requestP99', 'nginx-shipped', 1);
  const [figure] = ratios(samples);
  t.match(figure, { value: 3, atMost: 1.5 });
  t.equal(figure && reached(figure), false);
});

t.test('as shipped is compared with as shipped, tuned with tuned', async (t) => {
  const samples = new Samples();
  samples.add('up', 'harbor-kernel', 40);
  samples.add('up', 'haproxy-shipped', 10);
  samples.add('up', 'nginx-tuned', 20);
  samples.add('up', 'direct', 50);
  t.strictSame(
    ratios(samples).map(({ value, atLeast }) => [value, atLeast]),
    [
      [4, 2.2],
      [2, 1.6],
      [0.8, 0.9],
    ],
  );
});

t.test('idle connections take nothing of Harbor where the kernel holds them', async (t) => {
  const samples = new Samples();
  samples.add('memory', 'harbor-kernel', 50);
  const [figure] = ratios(samples);
  t.equal(figure?.value, 50);
  t.equal(figure && reached(figure), false);
});
