import { asHarborError, type Backend } from '@harbor/core';
import { readFileSync } from 'node:fs';
import type { Run } from './command.js';
import { renderTable } from './render.js';
import { kernelRule, type Family } from './rule.js';

/** What this machine's kernel can do for us. */
export interface Capability {
  /** The families that are forwarded; none: the kernel plane cannot work. */
  readonly families: readonly Family[];
  /** What is missing, each with the command that mends it. */
  readonly missing: readonly string[];
}

/** Tries what the plane needs, without leaving a trace: the tools, the rights, the kernel, forwarding. */
export async function capability(run: Run, read = readSysctl): Promise<Capability> {
  const missing: string[] = [];
  const needs = async (what: string, work: () => Promise<unknown>): Promise<void> => {
    await work().catch((error: unknown) => missing.push(`${what} (${asHarborError(error).message})`));
  };
  await needs('nft is not installed; as root run: apt-get install -y nftables', () =>
    run('nft', ['--version']),
  );
  await needs('conntrack is not installed; as root run: apt-get install -y conntrack', () =>
    run('conntrack', ['--version']),
  );
  if (missing.length === 0) {
    await needs('the kernel refuses our rules; give the process CAP_NET_ADMIN, or use a newer kernel', () =>
      run('nft', ['-c', '-f', '-'], renderTable(SAMPLE, '0.0.0.0')),
    );
  }
  const families: Family[] = [];
  if (read('net/ipv4/ip_forward') === '1') families.push('ip');
  else missing.push('IPv4 is not forwarded; as root run: sysctl -w net.ipv4.ip_forward=1');
  if (read('net/ipv6/conf/all/forwarding') === '1') families.push('ip6');
  const works = missing.length === 0;
  return { families: works ? families : [], missing };
}

function readSysctl(name: string): string | undefined {
  try {
    return readFileSync(`/proc/sys/${name}`, 'utf8').trim();
  } catch {
    return undefined;
  }
}

/** A rule with everything in it that a rule can hold. */
const SAMPLE = [sample('192.0.2.1'), sample('2001:db8::1')].flatMap((rule) => rule ?? []);

function sample(host: string) {
  const backend = (index: number): Backend => ({
    service: 's',
    transport: 'tcp',
    host,
    port: 1 + index,
    dea: 'd',
    app: 'a',
    instance: String(index),
    index,
    order: index,
    since: 0,
  });
  const v6 = host.includes(':');
  const route = {
    key: v6 ? 'tcp/2' : 'tcp/1',
    port: v6 ? 2 : 1,
    transport: 'tcp',
    service: 's',
    backends: [backend(0), backend(1)],
    policy: { deny: [v6 ? '2001:db8:1::/48' : '198.51.100.0/24'], maxConnections: 10 },
  } as const;
  return kernelRule(route, () => true, { maxConnections: 0, idleTimeout: null, families: ['ip', 'ip6'] });
}
