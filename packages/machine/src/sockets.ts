/** A socket of this machine's table. */
export interface SocketEntry {
  readonly port: number;
  readonly state: string;
  readonly inode: string;
}

/** The states of /proc/net/tcp that can hold a port (include/net/tcp_states.h). */
const STATES: Readonly<Record<string, string>> = {
  '01': 'ESTABLISHED',
  '02': 'SYN_SENT',
  '03': 'SYN_RECV',
  '04': 'FIN_WAIT1',
  '05': 'FIN_WAIT2',
  '06': 'TIME_WAIT',
  '07': 'CLOSE',
  '08': 'CLOSE_WAIT',
  '09': 'LAST_ACK',
  '0A': 'LISTEN',
  '0B': 'CLOSING',
};

/**
 * Parses /proc/net/{tcp,tcp6,udp,udp6}: the sockets whose local port is `port`, listeners first
 * (Linux Documentation/networking/proc_net_tcp.rst).
 */
export function parseSockets(text: string, port: number): SocketEntry[] {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return text
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[1]?.endsWith(wanted))
    .map((fields) => ({ port, state: STATES[fields[3] ?? ''] ?? 'OPEN', inode: fields[9] ?? '' }))
    .sort((a, b) => Number(b.state === 'LISTEN') - Number(a.state === 'LISTEN'));
}
