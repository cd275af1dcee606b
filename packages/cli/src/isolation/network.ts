import { HarborError } from '@harbor/core';
import { writeFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import type { Run } from './command.js';
import { namespaceName, type Owner } from './owner.js';

/** Four addresses for each instance are taken from here: as containers of the first Cloud Foundry had them. */
export const NETWORK = '10.254.0.0/16';
const FIRST = 0x0a_fe_00_00;
const SLOTS = 2 ** 14;
/** Our ends of the cables. */
export const LINKS = 'hbr';

/** An instance's own network, joined to the machine's by one cable. */
export interface InstanceNetwork {
  /** Of ip(8). */
  readonly namespace: string;
  /** The instance's end of the cable. */
  readonly address: string;
}

/** Makes a network; the name of the cable claims the slot, whoever else looks for one at the same time. */
export async function createNetwork(run: Run, owner: Owner): Promise<InstanceNetwork> {
  const taken = new Set(Object.keys(networkInterfaces()));
  const others = blocksInUse();
  for (let slot = 0; slot < SLOTS; slot++) {
    const base = FIRST + slot * 4;
    if (taken.has(linkName(slot)) || others.some(({ low, high }) => base <= high && base + 3 >= low))
      continue;
    const network = { namespace: namespaceName(owner, slot), address: dotted(base + 2) };
    const ends = { hostAddress: dotted(base + 1), link: linkName(slot) };
    if (await tryCreate(run, network, ends)) return network;
  }
  throw new HarborError('HARBOR_ISOLATION_UNAVAILABLE', `no four addresses of ${NETWORK} are free`);
}

/** False where somebody else was faster to claim the slot. */
async function tryCreate(
  run: Run,
  { namespace, address }: InstanceNetwork,
  { hostAddress, link }: { readonly hostAddress: string; readonly link: string },
): Promise<boolean> {
  await run('ip', ['netns', 'add', namespace]);
  try {
    await run('ip', ['link', 'add', link, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace]);
  } catch (thrown) {
    await run('ip', ['netns', 'del', namespace]);
    if (thrown instanceof HarborError && thrown.message.includes('File exists')) return false;
    throw thrown;
  }
  try {
    await run('ip', ['-batch', '-'], `address add ${hostAddress}/30 dev ${link}\nlink set ${link} up\n`);
    const inside = [
      `address add ${address}/30 dev eth0`,
      'link set eth0 up',
      'link set lo up',
      `route add default via ${hostAddress}`,
    ];
    // Loopback may lead to this cable, and goes with it (Linux Documentation/networking/ip-sysctl.rst).
    writeFileSync(`/proc/sys/net/ipv4/conf/${link}/route_localnet`, '1');
    await run('ip', ['-n', namespace, '-batch', '-'], `${inside.join('\n')}\n`);
  } catch (thrown) {
    await removeNetwork(run, namespace);
    throw thrown;
  }
  return true;
}

/** Ends what still runs in a network, however it got away from its parent, and takes all of it away. */
export async function removeNetwork(run: Run, namespace: string): Promise<void> {
  for (const pid of (await run('ip', ['netns', 'pids', namespace])).split(/\s+/).filter(Boolean)) {
    try {
      process.kill(Number(pid), 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
  }
  // The cable goes with the namespace, but that only when the last process in there has; from this end it is
  // the right one, whichever namespace the other end is in. It may never have been laid.
  await run('ip', ['-n', namespace, 'link', 'del', 'eth0']).catch(() => undefined);
  await run('ip', ['netns', 'del', namespace]);
}

function linkName(slot: number): string {
  return `${LINKS}${slot}`;
}

/** What the machine's interfaces have of IPv4, ours and others. */
function blocksInUse(): { readonly low: number; readonly high: number }[] {
  return Object.values(networkInterfaces())
    .flatMap((each) => each ?? [])
    .filter(({ family }) => family === 'IPv4')
    .map(({ address, netmask }) => {
      const mask = number(netmask);
      const low = (number(address) & mask) >>> 0;
      return { low, high: low + (~mask >>> 0) };
    });
}

function number(address: string): number {
  return address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
}

function dotted(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join('.');
}
