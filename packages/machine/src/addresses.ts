import { networkInterfaces } from 'node:os';

/** Every address of this machine, without zone ids. */
export function localAddresses(): string[] {
  return interfaces().map(({ address }) => address);
}

/** Cables to instances that `harbor run --isolate` has given a network: nobody else is reached there. */
const INSTANCE = /^hbr\d+$/;

/** The first IPv4 address that is not loopback. */
export function firstExternalIPv4(): string | undefined {
  return Object.entries(networkInterfaces())
    .filter(([name]) => !INSTANCE.test(name))
    .flatMap(([, addresses]) => addresses ?? [])
    .find(({ family, internal }) => family === 'IPv4' && !internal)?.address;
}

function interfaces() {
  return Object.values(networkInterfaces()).flatMap((each) => each ?? []);
}
