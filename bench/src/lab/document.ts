import type { Figure } from '../figures.js';
import type { Results } from '../report.js';
import { chart, type Panel } from './chart.js';
import { METRICS, type Metric, type MetricName } from './metrics.js';

/** What stands above the tables. */
export const ABOUT = `
![The data planes beside HAProxy and nginx](lab.svg)

How it is measured: four hosts as network namespaces of one machine, a client, Harbor's, and two for backends, joined
by cables (veth) through Harbor's. HAProxy and nginx run on the same host of a second lab that is built alike, so that
they pay nothing for Harbor's rules, and \`direct\` is the client who asks the backend by the same way, with nobody
between. All contenders are measured one after the other in each round, another one begins each time; a figure is the
median of the rounds. TCP's congestion control is reno, which every kernel has. The configurations are files in
\`bench/configs/\`: HAProxy and nginx as Debian ships them, and tuned; both with as many threads or workers as there are processors. All of them
share the machine's processors with the clients and the backends. Where the kernel forwards, the CPU is the kernel's:
it is in the figure of the whole machine, not in that of Harbor's own processes; so is the memory of connections.
`;

/** What the picture shows. */
const SHOWN: readonly MetricName[] = [
  'up',
  'down',
  'requests',
  'requestP99',
  'connects',
  'firstByteP99',
  'datagrams',
  'pingP99',
  'upMachine',
  'memory',
];

/** The picture of the last results of the lab. */
export function picture(results: Results): string {
  const measured = Object.values(results)[0];
  const figures = Object.values(results).flatMap((each) => each.figures);
  const of = (group: string): Figure[] => figures.filter((each) => each.group === group && each.unit !== '');
  const panels: Panel[] = SHOWN.map((name) => {
    const { title, unit, better }: Metric = METRICS[name];
    const hint = `${unit}, ${better} is better; lines reach from the smallest to the largest round`;
    return { title, hint, bars: of(title) };
  });
  const caption = [measured?.machine ?? '', measured?.tools ?? ''];
  const some = panels.filter(({ bars }) => bars.length > 0);
  return chart('Harbor beside HAProxy and nginx', caption, some);
}
