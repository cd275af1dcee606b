import t from 'tap';
import { chart } from '../src/lab/chart.js';
import { fill } from '../src/lab/servers.js';

const bars = [
  { name: 'direct', value: 40, unit: 'Gbit/s', low: 30, high: 50 },
  { name: 'a < b & c', value: 20, unit: 'Gbit/s' },
];

t.test('bars are as long as their values, beside the longest of all', async (t) => {
  const svg = chart('Title', ['machine'], [{ title: 'Throughput', hint: 'more is better', bars }]);
  const widths = [...svg.matchAll(/<rect x="\d+" y="\d+" width="([\d.]+)"/g)].map(([, width]) =>
    Number(width),
  );
  t.equal(widths.length, 2);
  t.ok(Math.abs((widths[0] ?? 0) - 2 * (widths[1] ?? 0)) < 0.2);
  t.match(svg, /40 Gbit\/s/);
  t.match(svg, />machine</);
});

t.test('names are text, never markup', async (t) => {
  const svg = chart('<script>', [], [{ title: 't', hint: 'h', bars }]);
  t.match(svg, /a &lt; b &amp; c/);
  t.notMatch(svg, /<script>/);
});

t.test('nothing measured is no bar, and no infinite one', async (t) => {
  const none = [{ name: 'x', value: 0, unit: '' }];
  t.notMatch(chart('t', [], [{ title: 't', hint: 'h', bars: none }]), /NaN|Infinity/);
  t.notMatch(chart('t', [], []), /NaN|Infinity/);
});

t.test('a template gets all its values, or says which one it wants', async (t) => {
  t.equal(fill('bind :{{http}} {{http}} {{one}}', { http: 80, one: 'x' }), 'bind :80 80 x');
  t.throws(() => fill('{{dir}}/pid', {}), /\{\{dir\}\}/);
});
