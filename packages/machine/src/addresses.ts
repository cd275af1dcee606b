import { networkInterfaces } from 'node:os';

/** Every address of this machine, without zone ids. */
export function localAddresses(): string[] {
  return interfaces().map(({ address }) => address);
}

/** The first IPv4 address that is not loopback. */
export function firstExternalIPv4(): string | undefined {
  return interfaces().find(({ family, internal }) => family === 'IPv4' && !internal)?.address;
}

function interfaces() {
  return Object.values(networkInterfaces()).flatMap((each) => each ?? []);
}
