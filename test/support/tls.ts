import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import tls from 'node:tls';

export interface TlsIdentity {
  readonly key: Buffer;
  readonly cert: Buffer;
}

const FOLDER = resolve(import.meta.dirname, '../fixtures/tls');

/** Of this machine and a few names that are no one else's; it certifies itself. */
export const CERTIFICATE = join(FOLDER, 'certificate.pem');

export function tlsIdentity(): TlsIdentity {
  return { key: readFileSync(join(FOLDER, 'key.pem')), cert: readFileSync(CERTIFICATE) };
}

/** Has this process trust it, until that is disposed of. */
export function trustCertificate(): Disposable {
  const before = tls.getCACertificates();
  tls.setDefaultCACertificates([...before, readFileSync(CERTIFICATE, 'utf8')]);
  return { [Symbol.dispose]: () => tls.setDefaultCACertificates(before) };
}
