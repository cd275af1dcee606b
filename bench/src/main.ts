import { note, say } from '@harbor/terminal';
import { CHECKOUT, type Scope } from '@harbor/testbed';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { benchChurn } from './control/churn.js';
import { benchLoad } from './control/load.js';
import { benchPorts } from './control/ports.js';
import { benchRegister } from './control/register.js';
import { reached, type Figure } from './figures.js';
import { machine, print, write, type Measured } from './report.js';

const HELP = `npm run bench -- [--only NAME,…] [--ports N] [--seconds S] [--churn-minutes M] [--json] [--no-write]

  --only           register, ports, load, churn (all unless said otherwise)
  --ports          how many ports are provisioned (5001)
  --seconds        how long 5,000 registers a second go on (30)
  --churn-minutes  how long instances come and go (30)
  --json           print JSON instead of the table
  --no-write       leave docs/benchmarks/ as it is`;

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: 'register,ports,load,churn' },
    ports: { type: 'string', default: '5001' },
    seconds: { type: 'string', default: '30' },
    'churn-minutes': { type: 'string', default: '30' },
    json: { type: 'boolean', default: false },
    'no-write': { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const scenarios: Record<string, (scope: Scope) => Promise<Figure[]>> = {
  register: benchRegister,
  ports: (scope) => benchPorts(scope, Number(values.ports)),
  load: (scope) => benchLoad(scope, Number(values.seconds)),
  churn: (scope) => benchChurn(scope, Number(values['churn-minutes']), note),
};

/** Runs one scenario against a Harbor of its own and ends all it started. */
async function run(name: string): Promise<Figure[]> {
  const scenario = scenarios[name];
  if (!scenario) throw new Error(`there is no benchmark ${name}\n\n${HELP}`);
  note(`${name} …`);
  const tasks: (() => unknown)[] = [];
  try {
    return await scenario({ teardown: (task) => tasks.push(task) });
  } finally {
    for (const task of tasks.reverse()) await task();
  }
}

async function main(): Promise<void> {
  if (values.help) {
    say(HELP);
    return;
  }
  const results: Record<string, Measured> = {};
  for (const name of values.only.split(',')) {
    const figures = await run(name);
    results[name] = { measured: new Date().toISOString(), machine: machine(), figures };
  }
  if (values.json) say(JSON.stringify(results, null, 2));
  else print(results);
  if (!values['no-write']) write(join(CHECKOUT, 'docs/benchmarks/control.json'), results);
  const all = Object.values(results).flatMap(({ figures }) => figures);
  process.exitCode = all.some((figure) => reached(figure) === false) ? 1 : 0;
}

await main();
