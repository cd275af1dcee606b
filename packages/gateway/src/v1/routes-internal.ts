import { HarborError } from '@harbor/core';
import { nodeId } from '@harbor/wire';
import type { FastifyInstance } from 'fastify';
import { about } from '../http/describe.js';
import type { Orphans } from '../orphans/orphans.js';
import { addV1Checks, type V1Checks } from './checks.js';
import { V1 } from './descriptions.js';
import type { Migration } from './migration.js';
import { idIn } from './services.js';

export interface V1InternalParts extends V1Checks {
  readonly orphans: Orphans;
  readonly migration: Migration;
}

interface StepPath {
  readonly node_id: string;
  readonly instance_id: string;
  readonly action: string;
}

/** What operators ask of the v1 gateway, to be registered under `/service/internal/v1`. */
export function v1InternalRoutes({ orphans, migration, ...checks }: V1InternalParts) {
  return (app: FastifyInstance, _options: object, done: () => void): void => {
    addV1Checks(app, checks);
    app.post('/check_orphan', about(V1.checkOrphan), async () => {
      await orphans.check();
      return {};
    });
    app.delete('/purge_orphan', about(V1.purgeOrphan), async (request) => {
      await orphans.purge(request.body);
      return {};
    });
    app.post('/migration/:node_id/:instance_id/:action', about(V1.migrate), async (request, reply) => {
      const { node_id, instance_id, action } = request.params as StepPath;
      return sendJson(reply, await migration.run(nodeIn(node_id), idIn(instance_id), action));
    });
    app.get('/migration/:node_id/instances', about(V1.instances), (request) =>
      migration.instances(nodeIn((request.params as Pick<StepPath, 'node_id'>).node_id)),
    );
    done();
  };
}

/** The id goes into a NATS subject. Errors: HARBOR_NOT_FOUND, because no node can have such an id. */
function nodeIn(text: string): string {
  const id = nodeId.safeParse(text);
  if (id.success) return id.data;
  throw new HarborError('HARBOR_NOT_FOUND', 'no node has such an id');
}

function sendJson<T>(reply: { type(name: string): { send(text: string): T } }, value: unknown): T {
  return reply.type('application/json; charset=utf-8').send(JSON.stringify(value));
}
