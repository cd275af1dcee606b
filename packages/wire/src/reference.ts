import type { z } from 'zod';
import { dataFile } from './data.js';
import { exitedMessage, heartbeatMessage, registerMessage, shutdownMessage, startMessage } from './dea.js';
import { serviceParameters } from './parameters.js';
import {
  announcement,
  bindRequest,
  credentials,
  credentialsReply,
  nodeHandles,
  provisionRequest,
  purgeOrphan,
  simpleReply,
  unbindRequest,
  unprovisionRequest,
  updateServiceHandle,
} from './service-node.js';
import { fields } from './reference-fields.js';
import { CORE_CHANNELS, coreAccess, joinAdmission, joinRefusal, joinRequest } from './join.js';
import { DEA_SUBJECTS, serviceSubjects } from './subjects.js';
import { updateReply, updateRequest } from './update.js';
import { COMPONENT_SUBJECTS, componentAnnouncement, componentDiscovery } from './component.js';
import { handle, offering, v1Configuration, v1Error, v1Handle, v1Purge, v1Unbind } from './v1.js';

interface Entry {
  readonly subject: string;
  readonly says: string;
  readonly message?: z.ZodType;
  readonly answer?: z.ZodType;
}

const dea: readonly Entry[] = [
  {
    subject: DEA_SUBJECTS.start,
    says: 'harbor_node, at its start and after a reconnect: register anew.',
    message: startMessage,
  },
  { subject: DEA_SUBJECTS.greet, says: 'A DEA asks what `harbor.start` would say.', answer: startMessage },
  {
    subject: DEA_SUBJECTS.register,
    says: 'A DEA: this instance is there. Said again, it renews the lease.',
    message: registerMessage,
  },
  {
    subject: DEA_SUBJECTS.unregister,
    says: 'A DEA: this instance leaves. The fields are those of `harbor.register`.',
  },
  {
    subject: DEA_SUBJECTS.exited,
    says: 'A DEA: an instance has ended; all its backends go.',
    message: exitedMessage,
  },
  {
    subject: DEA_SUBJECTS.heartbeat,
    says: 'A DEA: what it runs. What is RUNNING is renewed, the rest of its backends go.',
    message: heartbeatMessage,
  },
  { subject: DEA_SUBJECTS.shutdown, says: 'A DEA ends, and all it ran.', message: shutdownMessage },
];

const subjects = serviceSubjects('S');
const node: readonly Entry[] = [
  { subject: subjects.discover, says: 'A gateway asks who is there.', answer: announcement },
  {
    subject: subjects.announce,
    says: 'A node, every 30 s and when something changes.',
    message: announcement,
  },
  {
    subject: subjects.provision('NODE'),
    says: 'A gateway asks for a port.',
    message: provisionRequest,
    answer: credentialsReply,
  },
  {
    subject: subjects.unprovision('NODE'),
    says: 'A gateway gives a port back; one that is not there counts as done.',
    message: unprovisionRequest,
    answer: simpleReply,
  },
  {
    subject: subjects.update('NODE'),
    says: 'A gateway changes the parameters of a service, its name, or its protocol on the number it has.',
    message: updateRequest,
    answer: updateReply,
  },
  {
    subject: subjects.bind('NODE'),
    says: 'A gateway binds an application.',
    message: bindRequest,
    answer: credentialsReply,
  },
  {
    subject: subjects.unbind('NODE'),
    says: 'A gateway undoes that.',
    message: unbindRequest,
    answer: simpleReply,
  },
  {
    subject: subjects.disable('NODE'),
    says: 'Migration: the instance serves nobody until it is enabled. `[handle, [binding handles]]`.',
    answer: simpleReply,
  },
  { subject: subjects.enable('NODE'), says: 'Migration: it serves again. The same.', answer: simpleReply },
  {
    subject: subjects.import('NODE'),
    says: 'Migration: this node takes the instance over, on the very port numbers it has. The same.',
    answer: simpleReply,
  },
  {
    subject: subjects.updateInstance('NODE'),
    says: 'Migration: the handles with the credentials they have on this node. The same; answered with a list.',
  },
  { subject: subjects.checkOrphan, says: 'A gateway asks every node what it has.' },
  {
    subject: subjects.nodeHandles,
    says: 'A node answers that, in chunks of at most the largest payload less 200 bytes.',
    message: nodeHandles,
  },
  {
    subject: subjects.purgeOrphan('NODE'),
    says: 'A gateway, told by its operator: these go. Not answered.',
    message: purgeOrphan,
  },
  {
    subject: subjects.updateServiceHandle,
    says: 'A node: this handle has other credentials now. Answered with `true` or `false`.',
    message: updateServiceHandle,
  },
];

const component: readonly Entry[] = [
  {
    subject: COMPONENT_SUBJECTS.announce,
    says: 'harbor_gateway and harbor_node, at connect.',
    message: componentAnnouncement,
  },
  {
    subject: COMPONENT_SUBJECTS.discover,
    says: 'Anybody asks who is there.',
    answer: componentDiscovery,
  },
];

const v1: readonly Entry[] = [
  { subject: 'POST /gateway/v1/configurations', says: 'Create.', message: v1Configuration, answer: handle },
  {
    subject: 'POST /gateway/v1/configurations/:service_id/handles',
    says: 'Bind.',
    message: v1Handle,
    answer: handle,
  },
  {
    subject: 'DELETE /gateway/v1/configurations/:service_id/handles/:handle_id',
    says: 'Unbind.',
    message: v1Unbind,
  },
  { subject: 'DELETE /service/internal/v1/purge_orphan', says: 'Remove orphans.', message: v1Purge },
  {
    subject: 'POST /services/v1/offerings',
    says: 'What the gateway tells the cloud controller, every 60 s.',
    message: offering,
  },
  { subject: 'Every error', says: 'Whatever is refused.', answer: v1Error },
];

const join: readonly Entry[] = [
  {
    subject: `${CORE_CHANNELS.join}, node → core`,
    says: 'A node wants to be attached.',
    message: joinRequest,
    answer: joinAdmission,
  },
  {
    subject: `${CORE_CHANNELS.join}, core → node: refused`,
    says: 'Nothing has changed, and the token is as good as before.',
    message: joinRefusal,
  },
  { subject: 'access', says: 'What a node is told when it is let in.', message: coreAccess },
];

/** docs/reference/messages.md, made from the schemas that check the messages. */
export function messagesReference(): string {
  return `# Messages

Made from the schemas in \`packages/wire/src\`; a test holds both together.

JSON over NATS. Fields that are not listed are ignored. A message that does not fit is ignored too: it is logged with
its subject, the reason and its first 200 bytes, once per kind and minute with its count.

## What the DEAs say and hear

${dea.map(section).join('\n')}
## The service node

S is \`cluster service_name\`, \`HarboraaS\` unless set.

${node.map(section).join('\n')}
## Components

${component.map(section).join('\n')}
## The v1 gateway over HTTP

[What it does](../v1-gateway.md).

${v1.map(section).join('\n')}
## Attaching a node

Over TLS, to \`kato join_port\` of the core. The name of the protocol (ALPN) chooses what is behind the connection:
\`${CORE_CHANNELS.join}\` the exchange below, one line of JSON each way, of at most 4,096 bytes to the core; \`${CORE_CHANNELS.redis}\`,
\`${CORE_CHANNELS.nats}\` and \`${CORE_CHANNELS.gateway}\` the core's servers, as they are. A token, as \`kato node list --join\` prints
it, is \`SECRET.FINGERPRINT\`: the node first asks for the certificate of the core's authority, compares its SHA-256 with
the fingerprint, and sends the secret over a second connection that this authority vouches for.

${join.map(section).join('\n')}
## Credentials

${fields(credentials)}
## Parameters of a service

${fields(serviceParameters)}
## The file of kato data

${fields(dataFile)}
Its \`records\`, each kind an object of records by their ids:

${fields(dataFile.shape.records)}`;
}

function section({ subject, says, message, answer }: Entry): string {
  const parts = [`### \`${subject}\`\n\n${says}\n`];
  if (message) parts.push(fields(message));
  if (answer) parts.push(`Answered with:\n\n${fields(answer)}`);
  return parts.join('\n');
}
