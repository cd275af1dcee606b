import { runCommand } from '@harbor/testbed';
import { existsSync } from 'node:fs';

interface Tool {
  readonly package: string;
  /** Its version is the first of this in what the command prints. */
  readonly version: readonly string[];
}

const TOOLS: Readonly<Record<string, Tool>> = {
  HAProxy: { package: 'haproxy', version: ['haproxy', '-v'] },
  nginx: { package: 'nginx', version: ['nginx', '-v'] },
  wrk: { package: 'wrk', version: ['wrk', '-v'] },
  h2load: { package: 'nghttp2-client', version: ['h2load', '--version'] },
  sockperf: { package: 'sockperf', version: ['sockperf', '--version'] },
  iperf3: { package: 'iperf3', version: ['iperf3', '--version'] },
  nft: { package: 'nftables', version: ['nft', '--version'] },
};

/** nginx on Debian has its stream block in a package of its own. */
const STREAM = { package: 'libnginx-mod-stream', file: '/usr/lib/nginx/modules/ngx_stream_module.so' };

/** The tools with their versions, in a line; fails with the command that installs what is missing. */
export async function tools(): Promise<string> {
  if (process.getuid?.() !== 0) throw new Error('the lab builds network namespaces: run it as root');
  const missing = existsSync(STREAM.file) ? [] : [STREAM.package];
  const versions: string[] = [];
  for (const [name, tool] of Object.entries(TOOLS)) {
    const [program = '', ...args] = tool.version;
    const { stdout, stderr } = await runCommand(program, args);
    const version = /\d+\.\d[\w.+-]*/.exec(stdout + stderr)?.[0];
    if (version === undefined) missing.push(tool.package);
    else versions.push(`${name} ${version}`);
  }
  if (missing.length > 0)
    throw new Error(`the lab needs more tools; as root run: apt-get install -y ${missing.join(' ')}`);
  return versions.join(', ');
}
