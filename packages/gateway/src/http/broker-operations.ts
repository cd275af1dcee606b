import {
  bindBody,
  bindingResource,
  brokerHeaders,
  brokerId,
  catalogBody,
  deleteQuery,
  instanceResource,
  lastOperation,
  nothing,
  provisionBody,
  updateBody,
  z,
} from '@harbor/wire';
import type { RouteDescription } from './describe.js';

/** What stands in the path of an instance's routes, and of a binding's. */
export const instancePath = z.object({ id: brokerId });
export const bindingPath = z.object({ id: brokerId, binding: brokerId });

const headers = brokerHeaders;
const instance = { headers, path: instancePath };
const binding = { headers, path: bindingPath };

/** The operations of the Open Service Broker API. */
export const BROKER = {
  catalog: {
    name: 'getCatalog',
    summary: 'The service and its plans.',
    headers,
    answers: { 200: catalogBody },
    errors: [400, 412],
  },
  provision: {
    ...instance,
    name: 'provisionInstance',
    summary: 'Get a port. 201: made; 200: it is there as asked for.',
    body: provisionBody,
    answers: { 200: nothing, 201: nothing },
    errors: [400, 409, 412, 422, 503, 504, 507],
  },
  getInstance: {
    ...instance,
    name: 'getInstance',
    summary: 'The plan and the parameters of an instance.',
    answers: { 200: instanceResource },
    errors: [400, 404, 412],
  },
  update: {
    ...instance,
    name: 'updateInstance',
    summary: 'Change plan or parameters: those given are laid over those that hold, null takes one away.',
    body: updateBody,
    answers: { 200: nothing },
    errors: [400, 404, 409, 412, 422, 501, 503, 504],
  },
  deprovision: {
    ...instance,
    name: 'deprovisionInstance',
    summary: 'Give the port back, with all bindings.',
    query: deleteQuery,
    answers: { 200: nothing },
    errors: [400, 410, 412, 422, 503, 504],
  },
  instanceOperation: {
    ...instance,
    name: 'getInstanceLastOperation',
    summary: 'Always succeeded: nothing goes on after its answer.',
    answers: { 200: lastOperation },
    errors: [400, 404, 412],
  },
  bind: {
    ...binding,
    name: 'bind',
    summary: 'Give an application the credentials. 201: made; 200: it is there as asked for.',
    body: bindBody,
    answers: { 200: bindingResource, 201: bindingResource },
    errors: [400, 404, 409, 412, 422, 503],
  },
  getBinding: {
    ...binding,
    name: 'getBinding',
    summary: 'The credentials and endpoints of a binding.',
    answers: { 200: bindingResource },
    errors: [400, 404, 412],
  },
  unbind: {
    ...binding,
    name: 'unbind',
    summary: 'Take a binding away.',
    query: deleteQuery,
    answers: { 200: nothing },
    errors: [400, 410, 412, 422, 503],
  },
  bindingOperation: {
    ...binding,
    name: 'getBindingLastOperation',
    summary: 'Always succeeded: nothing goes on after its answer.',
    answers: { 200: lastOperation },
    errors: [400, 404, 412],
  },
} as const satisfies Record<string, RouteDescription>;
