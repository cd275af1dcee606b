import type { Scope, TestHarbor } from '@harbor/testbed';
import { join } from 'node:path';
import { connect, type PeerCertificate } from 'node:tls';
import { folder } from './folder.js';

/** An authority of the test's own. */
export interface Authority {
  /** Its certificate's file. */
  readonly ca: string;
  /** Puts a pair for these names into the folder `certs` of an application, as `SERVICE.crt` and `SERVICE.key`. */
  sign(root: string, service: string, ...names: string[]): Promise<void>;
}

/** Makes an authority as people make theirs: by `harbor certs new`. */
export async function authority(t: Scope, harbor: TestHarbor): Promise<Authority> {
  const home = folder(t, {});
  await harbor.must('harbor', 'certs', 'new', '--authority', '--service', 'my-ca', '--root', home);
  const ca = join(home, 'certs/my-ca.crt');
  return {
    ca,
    async sign(root, service, ...names) {
      const words = [...names, '--service', service, '--root', root, '--ca', ca];
      await harbor.must('harbor', 'certs', 'new', ...words);
    },
  };
}

/** The certificate that a port shows; trusted or not, that is for the test to say. */
export function shownAt(port: number): Promise<PeerCertificate> {
  return new Promise((done, failed) => {
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false }, () => {
      done(socket.getPeerCertificate());
      socket.destroy();
    });
    socket.once('error', failed);
  });
}
