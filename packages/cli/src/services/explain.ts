import { note, paint, say, sayJson, table } from '@harbor/terminal';
import type { BackendView, ExplainView, ListenerView } from '@harbor/wire';
import type { GatewayClient } from '../gateway/client.js';
import { clientAddress, stateText, type Form } from './services.js';

/** `harbor explain` */
export async function explain(gateway: GatewayClient, what: string, { json }: Form): Promise<void> {
  const found = await gateway.explain(what);
  if (json) sayJson(found);
  else print(found);
}

function print({
  service,
  node_id,
  data_plane,
  listeners,
  backends,
  conflict,
  members,
  unavailable,
}: ExplainView): void {
  say(paint('bold', `${service.name} (${service.protocol}, ${service.state}, plan ${service.plan})`));
  say(
    table([
      ['id', service.id],
      ['clients', clientAddress(service)],
      ['node', node_id ?? '-'],
      ...(service.group === undefined ? [] : [['group', service.group]]),
      ['data plane', data_plane ?? '-'],
      ['bound to', service.bindings.join(', ') || '-'],
    ]),
  );
  if (service.unreachable_since !== undefined) say(paint('red', stateText(service)));
  if (conflict) {
    const { protocol, port, pid, command, reason } = conflict;
    const holder = pid === null ? 'a process that cannot be seen' : `pid ${pid} (${command ?? '?'})`;
    say(paint('red', `conflict: ${protocol}/${port} is held by ${holder}: ${reason}`));
  }
  say('');
  const head = ['listener', 'state', 'open', 'total', 'refused', 'bytes in', 'bytes out'];
  const rows =
    members?.flatMap(({ node_id: member, listeners: its }) =>
      its.map((each) => [member, ...listenerRow(each)]),
    ) ?? listeners.map(listenerRow);
  say(table([members ? ['node', ...head] : head, ...rows]));
  say('');
  const alone = service.protocol === 'udp' ? 'datagrams are dropped' : 'clients are reset at once';
  if (backends.length === 0) say(`no backend: ${alone}, until an instance registers`);
  else
    say(
      table([['backend', 'app', 'instance', 'heard', 'health', 'last error'], ...backends.map(backendRow)]),
    );
  for (const { process, description } of unavailable) note(`${process} does not answer: ${description}`);
}

function listenerRow(listener: ListenerView): string[] {
  const { protocol, port, listening, holder } = listener;
  const state = listening === null ? 'unknown' : listening ? 'listening' : 'not listening';
  const numbers = [
    listener.connections_open,
    listener.connections_total,
    listener.refused,
    listener.bytes_in,
    listener.bytes_out,
  ];
  const held = holder ? `${state}, held by pid ${holder.pid ?? '?'}` : state;
  return [`${protocol}/${port}`, held, ...numbers.map((each) => String(each ?? '?'))];
}

function backendRow(backend: BackendView): string[] {
  const { transport, address, app_name, app, index, instance, heard_s, health, last_error } = backend;
  const heard = heard_s === null ? '?' : `${Math.round(heard_s)} s ago`;
  return [
    `${transport}/${address}`,
    app_name ?? app,
    index === null ? instance.slice(0, 8) : String(index),
    heard,
    health,
    last_error ?? '',
  ];
}
