import { brokerId, handle, nodeId, v1Configuration, v1Handle, v1Purge, v1Unbind, z } from '@harbor/wire';
import type { RouteDescription } from '../http/describe.js';

const nothing = z.object({}).describe('Nothing to say.');
const service = z.object({ service_id: brokerId });
const node = z.object({ node_id: nodeId });

/** The routes of the v1 gateway as the OpenAPI description has them. */
export const V1 = {
  provision: {
    name: 'v1Provision',
    summary: 'v1: creates an instance.',
    v1: true,
    body: v1Configuration,
    answers: { 200: handle },
    errors: [409, 422, 504, 507],
  },
  unprovision: {
    name: 'v1Unprovision',
    summary: 'v1: deletes an instance.',
    v1: true,
    path: service,
    answers: { 200: nothing },
    errors: [404, 422, 504],
  },
  bind: {
    name: 'v1Bind',
    summary: 'v1: binds an instance to an application.',
    v1: true,
    path: service,
    body: v1Handle,
    answers: { 200: handle },
    errors: [404, 422],
  },
  unbind: {
    name: 'v1Unbind',
    summary: 'v1: ends a binding; the ids are taken from the body.',
    v1: true,
    path: service.extend({ handle_id: brokerId }),
    body: v1Unbind,
    answers: { 200: nothing },
    errors: [404, 422],
  },
  checkOrphan: {
    name: 'v1CheckOrphan',
    summary: 'v1: asks all nodes for what nobody knows.',
    v1: true,
    answers: { 200: nothing },
  },
  purgeOrphan: {
    name: 'v1PurgeOrphan',
    summary: 'v1: has nodes delete what nobody knows.',
    v1: true,
    body: v1Purge,
    answers: { 200: nothing },
  },
  migrate: {
    name: 'v1Migrate',
    summary: 'v1: a step of a migration: disable, enable, import, update, unprovision or check.',
    v1: true,
    path: z.object({ node_id: nodeId, instance_id: brokerId, action: z.string() }),
    answers: { 200: z.literal(true) },
    errors: [404, 409, 422, 501, 504, 507],
  },
  instances: {
    name: 'v1Instances',
    summary: "v1: the ids of a node's instances.",
    v1: true,
    path: node,
    answers: { 200: z.array(brokerId) },
    errors: [404],
  },
} as const satisfies Record<string, RouteDescription>;
