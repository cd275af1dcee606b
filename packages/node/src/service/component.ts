import type { Bus } from '@harbor/bus';
import { Component, ComponentServer } from '@harbor/component';
import type { Clock } from '@harbor/core';
import { localAddresses } from '@harbor/machine';
import type { Announcement } from '@harbor/wire';
import { randomBytes } from 'node:crypto';
import { isIP } from 'node:net';

export interface NodeComponentOptions {
  readonly bus: Bus;
  readonly service: string;
  /** Where the node is reached by others. */
  readonly host: string;
  readonly announcement: () => Announcement;
  readonly clock: Clock;
}

/** The node as the platform's collectors know it: /healthz and /varz on a free port, announced over NATS. */
export class NodeComponent {
  private constructor(
    readonly component: Component,
    readonly server: ComponentServer,
  ) {}

  /** Resolves when it answers and has announced itself. */
  static async start({
    bus,
    service,
    host,
    announcement,
    clock,
  }: NodeComponentOptions): Promise<NodeComponent> {
    const secret = (): string => randomBytes(16).toString('hex');
    // Made anew at every start: who may look learns them from the announcement.
    const account = { username: secret(), password: secret() };
    const server = await ComponentServer.start({
      host: isLocal(host) ? host : '0.0.0.0',
      account: () => account,
      varz: () => ({ ...component.varz(), ...announcement() }),
    });
    const shown = isIP(host) === 6 ? `[${host}]` : host;
    const component = new Component({
      ...{ bus, clock, type: `${service}-Node`, index: 0, unique: secret() },
      host: () => `${shown}:${server.port}`,
      account: () => account,
    });
    component.start();
    return new NodeComponent(component, server);
  }

  /** After NATS was away. */
  announce(): void {
    this.component.announce();
  }

  stop(): Promise<void> {
    return this.server.stop();
  }
}

/** An address of this machine; a name, or one that leads here by translation, is not. */
function isLocal(host: string): boolean {
  return localAddresses().includes(host) || (isIP(host) === 4 && host.startsWith('127.'));
}
