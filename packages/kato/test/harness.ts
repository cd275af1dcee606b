import type { Secrets } from '@harbor/config';
import { eventually, freePort, freeRange, runCommand, temporaryDirectory } from '@harbor/testbed';
import { mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';

export const KATO = fileURLToPath(new URL('../../../../bin/kato', import.meta.url));

/** What a command came to. */
export interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** A process as `kato status --json` shows it. */
export interface Shown {
  readonly name: string;
  readonly state: string;
  readonly pid: number | null;
  readonly uptime_s: number | null;
  readonly restarts: number;
}

export interface ShownStatus {
  readonly node_id: string;
  readonly roles: readonly { readonly name: string; readonly processes: readonly Shown[] }[];
  readonly ports: { readonly range: string; readonly used: number | null; readonly free: number | null };
}

/** A Harbor of the test's own: a temporary home, ports that nobody else uses. */
export class TestHome {
  constructor(
    readonly dir: string,
    readonly env: NodeJS.ProcessEnv,
  ) {}

  /** Runs `bin/kato` to its end. */
  async kato(...args: readonly string[]): Promise<Outcome> {
    return this.katoWith({}, ...args);
  }

  async katoWith(env: NodeJS.ProcessEnv, ...args: readonly string[]): Promise<Outcome> {
    return run([process.execPath, KATO, ...args], { ...this.env, ...env });
  }

  /** The same where stdout is a terminal: script(1) makes one. */
  async onTerminal(env: NodeJS.ProcessEnv, ...args: readonly string[]): Promise<Outcome> {
    const command = [process.execPath, KATO, ...args].join(' ');
    return run(['script', '-qec', command, '/dev/null'], { ...this.env, TERM: 'xterm', ...env });
  }

  /** What a command prints as JSON; it must come to 0. */
  async json(...args: readonly string[]): Promise<unknown> {
    const { code, out, err } = await this.kato(...args);
    if (code !== 0) throw new Error(`kato ${args.join(' ')} came to ${code}: ${err}`);
    return JSON.parse(out);
  }

  async start(): Promise<void> {
    const { code, err } = await this.kato('start');
    if (code !== 0) throw new Error(`kato start came to ${code}: ${err}`);
  }

  async processes(): Promise<Shown[]> {
    return (await this.json('process', 'list', '--json')) as Shown[];
  }

  async pidOf(name: string): Promise<number> {
    const pid = (await this.processes()).find((each) => each.name === name)?.pid;
    if (!pid) throw new Error(`${name} has no pid`);
    return pid;
  }

  /** The supervisor's pid, from its pid file. */
  supervisor(): number {
    return Number(readFileSync(join(this.dir, 'var/run/kato.pid'), 'utf8').split(' ')[0]);
  }

  secrets(): Secrets {
    return JSON.parse(readFileSync(join(this.dir, 'var/secrets.json'), 'utf8')) as Secrets;
  }

  /** etc/harbor.yaml */
  configure(text: string): void {
    mkdirSync(join(this.dir, 'etc'), { recursive: true });
    writeFileSync(join(this.dir, 'etc/harbor.yaml'), text);
  }

  /** The processes of this home that are alive, whoever started them. */
  living(): number[] {
    return readdirSync('/proc')
      .map(Number)
      .filter((pid) => pid > 0 && pid !== process.pid && belongs(pid, this.dir));
  }

  /** The guard notices a moment later than the command that the supervisor has gone. */
  async allGone(): Promise<true> {
    return eventually('no process of the home to be left', () => this.living().length === 0);
  }

  /** Ends what is left, also of a test that failed half-way. */
  async end(): Promise<void> {
    await this.kato('stop');
    await eventually('every process of the home to be gone', () => {
      const left = this.living();
      for (const pid of left) kill(pid);
      return left.length === 0;
    });
  }
}

async function run([program = '', ...args]: readonly string[], env: NodeJS.ProcessEnv): Promise<Outcome> {
  const { code, stdout, stderr } = await runCommand(program, args, { env });
  return { code, out: stdout, err: stderr };
}

/** Kills a process as a crash would. */
export function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has just ended by itself.
  }
}

/** By its environment, or where it stands: Redis writes its title over its environment. */
function belongs(pid: number, home: string): boolean {
  try {
    const environment = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
    return environment.includes(`HARBOR_HOME=${home}`) || readlinkSync(`/proc/${pid}/cwd`).startsWith(home);
  } catch {
    return false;
  }
}

/** Of the environment of the tests, what a Harbor started by them must not see. */
const FOREIGN = /^(HARBOR|NATS|KATO|CLUSTER|_?TAP|NO_COLOR|FORCE_COLOR)/;

/** A home that ends with the test, on free ports. */
export async function testHome(t: Test, more: NodeJS.ProcessEnv = {}): Promise<TestHome> {
  const directory = temporaryDirectory();
  const range = await freeRange(10);
  const inherited = Object.entries(process.env).filter(([name]) => !FOREIGN.test(name));
  const home = new TestHome(directory.path, {
    ...Object.fromEntries(inherited),
    HARBOR_HOME: directory.path,
    HARBOR_REDIS_PORT: String(await freePort()),
    NATS_SERVER_PORT: String(await freePort()),
    HARBOR_GATEWAY_PORT: String(await freePort()),
    HARBOR_NODE_PORT_RANGE: `${range.low}-${range.high}`,
    ...more,
  });
  t.teardown(async () => {
    await home.end();
    directory.remove();
  });
  return home;
}
