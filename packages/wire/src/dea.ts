import type { Registration, Transport } from '@harbor/core';
import { z } from 'zod';
import { backendHost, portNumber } from './address.js';

/** Ids and names of other systems: any text, but bounded. */
const id = z.string().min(1).max(255);

const tags = z
  .record(z.string().max(64), z.string().max(256))
  .refine((all) => Object.keys(all).length <= 32, {
    error: 'at most 32 tags',
  });

/** `harbor.register` and `harbor.unregister`. */
export const registerMessage = z
  .object({
    dea: id.describe('The id of the DEA.'),
    app: id.describe("The application's id."),
    app_name: z.string().max(255).nullish().describe('Its name, for people.'),
    instance: id.describe('The id of the instance; a new one after every start.'),
    index: z
      .int()
      .min(0)
      .max(1_000_000)
      .nullish()
      .describe('Its number; instances take turns in this order.'),
    service: id.describe("The `name` of the service's credentials."),
    host: backendHost.describe('The IP address where this instance is reached.'),
    port: portNumber.describe('The port where this instance is reached.'),
    protocol: z
      .enum(['tcp', 'udp', 'both'])
      .nullish()
      .describe('What it serves there; otherwise all that the service has.'),
    tags: tags.nullish().describe('Anything for people to see: at most 32 texts.'),
  })
  .meta({ id: 'HarborRegister', description: 'A DEA announces, or takes away, an instance.' });

export type RegisterMessage = z.output<typeof registerMessage>;

/** The registration the message stands for, for one of the transports it covers. */
export function registrationOf(message: RegisterMessage, transport: Transport): Registration {
  return {
    service: message.service,
    transport,
    host: message.host,
    port: message.port,
    dea: message.dea,
    app: message.app,
    instance: message.instance,
    ...(message.app_name == null ? {} : { appName: message.app_name }),
    ...(message.index == null ? {} : { index: message.index }),
    ...(message.tags == null ? {} : { tags: message.tags }),
  };
}

/** `droplet.exited`: standard for DEAs; only the instance matters here. */
export const exitedMessage = z
  .object({
    droplet: id.nullish(),
    version: z.string().max(255).nullish(),
    instance: id,
    index: z.int().nullish(),
    reason: z.string().max(255).nullish(),
  })
  .meta({ id: 'DropletExited', description: 'An instance has ended.' });

/** `dea.heartbeat`: what a DEA runs. */
export const heartbeatMessage = z
  .object({
    dea: id,
    droplets: z
      .array(
        z.object({
          droplet: id.nullish(),
          instance: id,
          index: z.int().nullish(),
          state: z.string().max(64),
        }),
      )
      .max(10_000),
  })
  .meta({ id: 'DeaHeartbeat', description: 'A DEA lists its instances.' });

/** `dea.shutdown`. */
export const shutdownMessage = z
  .object({ id })
  .meta({ id: 'DeaShutdown', description: 'A DEA ends, and all its instances with it.' });

/** `harbor.start` and the answer to `harbor.greet`. */
export const startMessage = z
  .object({
    id,
    hosts: z.array(z.string()).describe('Its addresses.'),
    minimumRegisterIntervalInSeconds: z.number().describe('Register this often.'),
    pruneThresholdInSeconds: z.number().describe('After this long without a word an instance is dropped.'),
  })
  .meta({ id: 'HarborStart', description: 'A harbor_node greets: register anew, and this often.' });

export type StartMessage = z.output<typeof startMessage>;
