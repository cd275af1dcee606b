import { HarborError, type Instance } from '@harbor/core';
import { catalog, deleteQuery, parse, type InstanceResource, type LastOperation } from '@harbor/wire';
import type { FastifyInstance } from 'fastify';
import { wantedBinding, type Bindings } from '../bindings/bindings.js';
import type { Account, Log } from '../dependencies.js';
import type { Deprovisioner } from '../instances/deprovision.js';
import type { Provisioner } from '../instances/provision.js';
import type { Updater } from '../instances/update.js';
import { wantedChange } from '../instances/change.js';
import { wantedInstance } from '../instances/wanted.js';
import { bindingResource } from '../views/bindings.js';
import type { ViewSources } from '../views/sources.js';
import { echoRequestIdentity, requireAccount, requireBrokerVersion } from './auth.js';
import { audit } from './audit.js';
import { BROKER, bindingPath, instancePath } from './broker-operations.js';
import { about } from './describe.js';
import { notFound } from './server.js';

export interface BrokerParts {
  readonly account: () => Account;
  readonly log: Log;
  readonly provisioner: Provisioner;
  readonly deprovisioner: Deprovisioner;
  readonly updater: Updater;
  readonly bindings: Bindings;
  readonly sources: ViewSources;
}

const INSTANCE = '/service_instances/:id';
const BINDING = `${INSTANCE}/service_bindings/:binding`;

const SUCCEEDED: LastOperation = { state: 'succeeded' };

/** The Open Service Broker API, to be registered under `/v2`. */
export function brokerRoutes(parts: BrokerParts) {
  return (app: FastifyInstance, _options: object, done: () => void): void => {
    app.addHook('onRequest', echoRequestIdentity);
    app.addHook('onRequest', requireAccount(parts.account));
    app.addHook('onRequest', requireBrokerVersion);
    audit(app, parts.log);
    app.setNotFoundHandler(notFound);
    app.get('/catalog', about(BROKER.catalog), () => catalog());
    addInstanceRoutes(app, parts);
    addBindingRoutes(app, parts);
    done();
  };
}

function addInstanceRoutes(app: FastifyInstance, parts: BrokerParts): void {
  const { provisioner, deprovisioner, updater, sources } = parts;
  app.put(INSTANCE, about(BROKER.provision), async (request, reply) => {
    const { id } = instanceIn(request.params);
    const outcome = await provisioner.provision(id, wantedInstance(request.body));
    return reply.code(outcome === 'created' ? 201 : 200).send({});
  });
  app.get(INSTANCE, about(BROKER.getInstance), (request) => {
    const instance = existing(sources, instanceIn(request.params).id);
    return resourceOf(instance);
  });
  app.delete(INSTANCE, about(BROKER.deprovision), async (request) => {
    const { id } = instanceIn(request.params);
    await deprovisioner.deprovision(
      id,
      parse(deleteQuery, request.query, 'HARBOR_REQUEST_INVALID', 'the query'),
    );
    return {};
  });
  app.patch(INSTANCE, about(BROKER.update), async (request) => {
    const { id } = instanceIn(request.params);
    await updater.update(id, wantedChange(request.body));
    return {};
  });
  app.get(`${INSTANCE}/last_operation`, about(BROKER.instanceOperation), (request): LastOperation => {
    const instance = sources.replica.get('instance', instanceIn(request.params).id);
    // Nothing here goes on after its answer, so there is an end to tell of, or nothing.
    if (instance?.state !== 'ready') throw noInstance();
    return SUCCEEDED;
  });
}

function addBindingRoutes(app: FastifyInstance, { bindings, sources }: BrokerParts): void {
  app.put(BINDING, about(BROKER.bind), async (request, reply) => {
    const { id, binding } = bindingIn(request.params);
    const outcome = await bindings.bind(id, binding, wantedBinding(request.body));
    const resource = bindingResource(sources, bindings.get(id, binding));
    return reply.code(outcome === 'created' ? 201 : 200).send(resource);
  });
  app.get(BINDING, about(BROKER.getBinding), (request) => {
    const { id, binding } = bindingIn(request.params);
    return bindingResource(sources, bindings.get(id, binding));
  });
  app.delete(BINDING, about(BROKER.unbind), async (request) => {
    const { id, binding } = bindingIn(request.params);
    const query = parse(deleteQuery, request.query, 'HARBOR_REQUEST_INVALID', 'the query');
    await bindings.unbind(id, binding, query);
    return {};
  });
  app.get(`${BINDING}/last_operation`, about(BROKER.bindingOperation), (request) => {
    const { id, binding } = bindingIn(request.params);
    bindings.get(id, binding);
    return SUCCEEDED;
  });
}

function instanceIn(params: unknown) {
  return parse(instancePath, params, 'HARBOR_REQUEST_INVALID', 'the path');
}

function bindingIn(params: unknown) {
  return parse(bindingPath, params, 'HARBOR_REQUEST_INVALID', 'the path');
}

/** An instance that platforms may see: one still being created is not there yet. */
function existing(sources: ViewSources, id: string): Instance {
  const instance = sources.replica.get('instance', id);
  if (!instance || instance.state === 'creating') throw noInstance();
  return instance;
}

function noInstance(): HarborError {
  return new HarborError('HARBOR_SERVICE_NOT_FOUND', 'there is no service instance with this id');
}

function resourceOf({ serviceId, planId, parameters }: Instance): InstanceResource {
  return { service_id: serviceId, plan_id: planId, parameters: { ...parameters } };
}
