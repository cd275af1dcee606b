import { note, say } from '@harbor/terminal';
import { CHECKOUT, type Scope } from '@harbor/testbed';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { benchChurn } from './control/churn.js';
import { benchGateway } from './control/gateway.js';
import { benchLoad } from './control/load.js';
import { benchNodes } from './control/nodes.js';
import { benchPorts } from './control/ports.js';
import { benchRegister } from './control/register.js';
import { reached, type Figure } from './figures.js';
import { benchHttps } from './https/https.js';
import { benchControl } from './lab/control.js';
import { ABOUT, picture } from './lab/document.js';
import { benchLab } from './lab/lab.js';
import { tools } from './lab/tools.js';
import { machine, print, write, type Document, type Measured, type Results } from './report.js';
import { endOnSignals, within } from './scope.js';

const HELP = `npm run bench -- [--only NAME,…] [--ports N] [--seconds S] [--churn-minutes M] [--rounds N] [--json]
                 [--no-write]

  --only           register, ports, load, churn, gateway, lab, lab-control, https (all unless said otherwise)
  --ports          how many ports are provisioned (5001)
  --seconds        how long 5,000 registers a second go on (30), each loop of gateway (5) or measurement of the lab (2)
  --churn-minutes  how long instances come and go (30)
  --rounds         how often the lab measures each contender (5)
  --idle           how many idle connections the lab opens (10000)
  --repetitions    how often lab-control measures at each size (50)
  --json           print JSON instead of the table
  --no-write       leave docs/benchmarks/ as it is

The lab needs root, and haproxy, nginx with its stream module, wrk, sockperf and iperf3.`;

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: 'register,ports,load,churn,gateway,lab,lab-control,https' },
    ports: { type: 'string', default: '5001' },
    seconds: { type: 'string' },
    'churn-minutes': { type: 'string', default: '30' },
    rounds: { type: 'string', default: '5' },
    idle: { type: 'string', default: '10000' },
    repetitions: { type: 'string', default: '50' },
    json: { type: 'boolean', default: false },
    'no-write': { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

interface Scenario {
  readonly run: (scope: Scope) => Promise<Figure[]>;
  /** What it needs beside Harbor; resolves with their versions. */
  readonly tools?: () => Promise<string>;
  readonly document: Document;
}

const at = (name: string): string => join(CHECKOUT, 'docs/benchmarks', name);
const control: Document = { path: at('control'), title: 'Benchmark: the control path' };
const lab: Document = { path: at('lab'), title: 'Benchmark: the data planes', about: ABOUT };

const https: Document = { path: at('https'), title: 'Benchmark: the HTTPS proxy beside one worker of nginx' };

const scenarios: Readonly<Record<string, Scenario>> = {
  register: { run: benchRegister, document: control },
  ports: { run: (scope) => benchPorts(scope, Number(values.ports)), document: control },
  load: { run: (scope) => benchLoad(scope, Number(values.seconds ?? 30)), document: control },
  churn: { run: (scope) => benchChurn(scope, Number(values['churn-minutes']), note), document: control },
  gateway: {
    run: async (scope) => [
      ...(await benchGateway(scope, Number(values.seconds ?? 5))),
      ...(await benchNodes(scope)),
    ],
    document: control,
  },
  lab: {
    run: (scope) =>
      benchLab(scope, {
        rounds: Number(values.rounds),
        seconds: Number(values.seconds ?? 2),
        idle: Number(values.idle),
      }),
    tools,
    document: lab,
  },
  'lab-control': {
    run: (scope) =>
      benchControl(scope, { ports: Number(values.ports), repetitions: Number(values.repetitions) }),
    tools,
    document: lab,
  },
  https: {
    run: (scope) =>
      benchHttps(scope, { rounds: Number(values.rounds), seconds: Number(values.seconds ?? 2) }),
    document: https,
  },
};

/** Runs one scenario against a Harbor of its own and ends all it started. */
async function run(name: string, { run: scenario, tools: needed }: Scenario): Promise<Measured> {
  const versions = await needed?.();
  note(`${name} …`);
  const figures = await within(scenario);
  const more = versions === undefined ? {} : { tools: versions };
  return { measured: new Date().toISOString(), machine: machine(), ...more, figures };
}

function save(results: Results): void {
  for (const document of [control, lab, https]) {
    const its = Object.entries(results).filter(([name]) => scenarios[name]?.document === document);
    if (its.length === 0) continue;
    const all = write(document, Object.fromEntries(its));
    if (document === lab) writeFileSync(`${lab.path}.svg`, picture(all));
  }
}

async function main(): Promise<void> {
  if (values.help) {
    say(HELP);
    return;
  }
  endOnSignals();
  const results: Record<string, Measured> = {};
  for (const name of values.only.split(',')) {
    const scenario = scenarios[name];
    if (!scenario) throw new Error(`there is no benchmark ${name}\n\n${HELP}`);
    results[name] = await run(name, scenario);
  }
  if (values.json) say(JSON.stringify(results, null, 2));
  else print(results);
  if (!values['no-write']) save(results);
  const all = Object.values(results).flatMap(({ figures }) => figures);
  process.exitCode = all.some((figure) => reached(figure) === false) ? 1 : 0;
}

await main();
