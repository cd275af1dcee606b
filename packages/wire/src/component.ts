import { z } from 'zod';

/** The subjects by which components of the platform find each other (wire facts §2). */
export const COMPONENT_SUBJECTS = {
  announce: 'vcap.component.announce',
  discover: 'vcap.component.discover',
} as const;

/** `vcap.component.announce`, published at connect. */
export const componentAnnouncement = z
  .object({
    type: z.string().describe('S-Provisioner or S-Node.'),
    index: z.int().min(0),
    uuid: z.string().describe('`INDEX-` and 32 hexadecimal digits.'),
    host: z.string().describe('ip:port of /healthz and /varz.'),
    credentials: z.tuple([z.string(), z.string()]).describe('User and password there.'),
    start: z.iso.datetime().describe('When it started.'),
  })
  .meta({ id: 'ComponentAnnouncement' });

export type ComponentAnnouncement = z.output<typeof componentAnnouncement>;

/** The answer to `vcap.component.discover`. */
export const componentDiscovery = componentAnnouncement
  .extend({ uptime: z.string().describe('`Nd:Nh:Nm:Ns`') })
  .meta({ id: 'ComponentDiscovery' });

export type ComponentDiscovery = z.output<typeof componentDiscovery>;
