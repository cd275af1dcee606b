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
    dea: id,
    app: id,
    app_name: z.string().max(255).nullish(),
    instance: id,
    index: z.int().min(0).max(1_000_000).nullish(),
    service: id,
    host: backendHost,
    port: portNumber,
    protocol: z.enum(['tcp', 'udp', 'both']).nullish(),
    tags: tags.nullish(),
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
    hosts: z.array(z.string()),
    minimumRegisterIntervalInSeconds: z.number(),
    pruneThresholdInSeconds: z.number(),
  })
  .meta({ id: 'HarborStart', description: 'A harbor_node greets: register anew, and this often.' });

export type StartMessage = z.output<typeof startMessage>;
