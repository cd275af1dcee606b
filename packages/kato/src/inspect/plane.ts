import type { Settings } from '@harbor/config';
import { asHarborError } from '@harbor/core';
import { blockedBy, capability, run, type Blocked } from '@harbor/nftables';
import { withBus, type Place } from '@harbor/runtime';
import { nodeSubjects, statusReply } from '@harbor/wire';
import type { Finding } from './finding.js';

const CHECK = 'data plane';

/** Which plane forwards and why: as the connector says where it runs, else as it would choose now. */
export async function inspectPlane(place: Place, settings: Settings, running: boolean): Promise<Finding> {
  try {
    return running ? await taken(place, settings) : await wouldBe(settings);
  } catch (thrown) {
    return { check: CHECK, state: 'warn', found: asHarborError(thrown).message };
  }
}

async function taken(place: Place, settings: Settings): Promise<Finding> {
  const options = { timeoutMs: 2_000, unanswered: 'HARBOR_CONNECTOR_UNAVAILABLE' } as const;
  const { data_plane, data_plane_why: why } = await withBus(place, settings, (bus) =>
    bus.request(nodeSubjects(settings.harbor_node.node_id).status, {}, statusReply, options),
  );
  // Who may not ask the kernel is told what the connector says.
  const blocking: Blocked = why === undefined ? await blockedBy(run).catch(() => ({})) : {};
  const blocked = blocking.ip ?? blocking.ip6;
  if (blocked !== undefined) return { check: CHECK, state: 'warn', found: `${data_plane}, but ${blocked}` };
  return { check: CHECK, state: 'ok', found: why === undefined ? data_plane : `${data_plane}: ${why}` };
}

async function wouldBe({ harbor_proxy_connector: { data_plane } }: Settings): Promise<Finding> {
  if (data_plane === 'embedded') return { check: CHECK, state: 'ok', found: 'embedded, as data_plane says' };
  const { missing } = await capability(run);
  const { ip: blocked } = missing.length === 0 ? await blockedBy(run) : {};
  if (blocked !== undefined && data_plane === 'kernel')
    return { check: CHECK, state: 'warn', found: `the kernel can forward, but ${blocked}` };
  if (blocked !== undefined) return { check: CHECK, state: 'ok', found: `embedded: ${blocked}` };
  if (missing.length === 0) return { check: CHECK, state: 'ok', found: 'the kernel can forward' };
  const found = `the kernel cannot forward: ${missing.join('; ')}`;
  if (data_plane === 'auto') return { check: CHECK, state: 'ok', found: `embedded: ${found}` };
  const remedy = 'mend that, or: kato config set harbor_proxy_connector data_plane auto';
  return { check: CHECK, state: 'fail', found, remedy };
}
