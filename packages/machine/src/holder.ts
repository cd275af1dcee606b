import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { parseSockets, type SocketEntry } from './sockets.js';

/** A process with a socket on a port: a listener, or a connection that squats on the number. */
export interface PortHolder {
  readonly pid: number;
  readonly command: string;
  readonly state: string;
}

/**
 * Who has a socket on a port of this machine, listeners first. Without root only one's own processes can
 * be seen; an empty list means nobody, or somebody who cannot be seen.
 */
export function portHolder({
  port,
  protocol,
}: {
  readonly port: number;
  readonly protocol: 'tcp' | 'udp';
}): PortHolder[] {
  const sockets = socketsOn({ port, protocol });
  const wanted = new Map(
    sockets.filter(({ inode }) => inode !== '0').map((socket) => [`socket:[${socket.inode}]`, socket]),
  );
  if (wanted.size === 0) return [];
  const holders = processes().flatMap((pid) =>
    socketsOf(pid, wanted).map(({ state }) => ({ pid, state, command: commandOf(pid) })),
  );
  return holders.sort((a, b) => Number(b.state === 'LISTEN') - Number(a.state === 'LISTEN'));
}

/** True where some process has a socket on the port: on this machine, or in the network that `pid` is in. */
export function isPortBound(socket: PortOfNetwork): boolean {
  return socketsOn(socket).length > 0;
}

interface PortOfNetwork {
  readonly port: number;
  readonly protocol: 'tcp' | 'udp';
  readonly pid?: number;
}

function socketsOn({ port, protocol, pid }: PortOfNetwork): SocketEntry[] {
  const net = pid === undefined ? '/proc/net' : `/proc/${pid}/net`;
  const tables = [`${net}/${protocol}`, `${net}/${protocol}6`];
  return tables.flatMap((path) => parseSockets(readText(path), port));
}

/** The command line of a process, in one line of 200 characters at most. */
export function commandOf(pid: number): string {
  const line = readText(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim();
  const text = line === '' ? readText(`/proc/${pid}/comm`) : line;
  // It stands in tables and in lines of logs.
  return text
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim()
    .slice(0, 200);
}

function processes(): number[] {
  return list('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

function socketsOf(pid: number, wanted: ReadonlyMap<string, SocketEntry>): SocketEntry[] {
  return list(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      return wanted.get(readlinkSync(`/proc/${pid}/fd/${fd}`)) ?? [];
    } catch {
      // It was closed while we looked, or is not ours to see.
      return [];
    }
  });
}

function list(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
