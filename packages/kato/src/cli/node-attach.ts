import { writeCore, writeFileValue, writeHarborRole } from '@harbor/config';
import { HarborError, reportedError } from '@harbor/core';
import { openPlace, type Place } from '@harbor/runtime';
import { say } from '@harbor/terminal';
import { joinReply, parseJson, type CoreAccess, type JoinRequest } from '@harbor/wire';
import { createInterface } from 'node:readline';
import { connected, dialCore, fetchAuthority, type CoreAddress } from '../cluster/core-link.js';
import { parseToken } from '../cluster/token.js';
import { connectSupervisor, ensureSupervisor } from '../supervisor/index.js';
import { tell } from './change.js';

export interface AttachOptions {
  /** What this node is to do; `harbor` is all there is. */
  readonly enable: string;
  readonly token?: string;
  readonly nodeId?: string;
}

/**
 * `kato node attach -e harbor CORE_IP`: this home becomes a node of that core's cluster.
 * Errors: HARBOR_NODE_ATTACHED, HARBOR_ALREADY_RUNNING, HARBOR_CORE_UNAVAILABLE, HARBOR_CORE_UNTRUSTED,
 * HARBOR_JOIN_TOKEN_INVALID, HARBOR_NODE_EXISTS; nothing is changed then.
 */
export async function nodeAttach(
  place: Place,
  env: NodeJS.ProcessEnv,
  where: string,
  { enable, token, nodeId }: AttachOptions,
): Promise<void> {
  if (enable !== 'harbor')
    throw new HarborError('HARBOR_USAGE', `no role ${enable} can be had on a node; there is harbor`);
  if (place.core)
    throw new HarborError('HARBOR_NODE_ATTACHED', `this home is attached to the core at ${place.core.host}`);
  if (await connectSupervisor(place))
    throw new HarborError('HARBOR_ALREADY_RUNNING', 'Harbor runs in this home with servers of its own');
  const set = env.HARBOR_NODE_NODE_ID;
  if (nodeId !== undefined && set !== undefined && set !== nodeId)
    throw new HarborError(
      'HARBOR_USAGE',
      `HARBOR_NODE_NODE_ID is ${set} and goes before --node-id ${nodeId}`,
    );
  const address = addressOf(where, place.load({}).kato.join_port);
  const { secret, fingerprint } = parseToken(token ?? env.HARBOR_JOIN_TOKEN ?? (await readLine()));
  const ca = await fetchAuthority(address, fingerprint);
  const { node_id, host } = place.load({}).harbor_node;
  const id = nodeId ?? node_id;
  const access = await join(
    { ...address, ca },
    { token: secret, node_id: id, host, identity: place.identity },
  );
  writeHarborRole(place.home, true);
  writeCore(place.home, { ...address, ca, access });
  // It is this home's from now on, whatever the default.
  if (set === undefined) writeFileValue(place.home, 'harbor_node', 'node_id', id);
  say(`attached to the core at ${where} as ${id}`);
  await (await ensureSupervisor(openPlace(env), env)).start(['harbor'], tell);
  say('harbor is running');
}

/** `HOST`, `HOST:PORT`, `[IPV6]:PORT` or a bare IPv6 address. */
function addressOf(text: string, port: number): CoreAddress {
  const [, six, four, at] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const host = six ?? four ?? text;
  return { host, port: at === undefined ? port : Number(at) };
}

/** Says who this is, to the core that the token names and nobody else. */
async function join(core: CoreAddress & { readonly ca: string }, request: JoinRequest): Promise<CoreAccess> {
  const socket = dialCore(core, 'join');
  try {
    await connected(socket, core);
    socket.write(`${JSON.stringify(request)}\n`);
    let text = '';
    for await (const chunk of socket) text += String(chunk);
    if (text === '')
      throw new HarborError('HARBOR_CORE_UNAVAILABLE', `the core at ${core.host} did not answer`);
    const reply = parseJson(joinReply, text, 'HARBOR_CORE_UNAVAILABLE', 'the answer of the core');
    if (reply.joined) return reply.access;
    throw reportedError(reply.error, reply.description);
  } finally {
    socket.destroy();
  }
}

/** The first line of what is piped in. Errors: HARBOR_USAGE where a person would have to type it. */
async function readLine(): Promise<string> {
  if (!process.stdin.isTTY)
    for await (const line of createInterface({ input: process.stdin })) if (line.trim() !== '') return line;
  throw new HarborError('HARBOR_USAGE', 'a token is needed: --token, HARBOR_JOIN_TOKEN, or on stdin');
}
