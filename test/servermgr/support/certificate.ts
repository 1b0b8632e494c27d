import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

export interface CertificateFiles {
  readonly keyFile: string;
  readonly certificateFile: string;
}

/** What a TLS server of Node's takes. */
export interface Certificate {
  readonly key: Buffer;
  readonly cert: Buffer;
}

/** Makes a key, and a certificate for these names that nobody signs but itself, and that is good for two days. */
export async function writeCertificate(folder: string, names: readonly string[]): Promise<CertificateFiles> {
  const files = { keyFile: join(folder, 'server.key'), certificateFile: join(folder, 'server.crt') };
  const subject = [
    ...['-subj', `/CN=${names[0]}`],
    ...['-addext', `subjectAltName=${names.map(name => `DNS:${name}`).join(',')}`],
  ];
  await promisify(execFile)('openssl', [
    ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', ...subject],
    ...['-keyout', files.keyFile, '-out', files.certificateFile],
  ]);
  return files;
}

/** The same, and no file is left. */
export async function makeCertificate(...names: readonly string[]): Promise<Certificate> {
  const folder = await mkdtemp(join(tmpdir(), 'certificate-'));
  try {
    const { keyFile, certificateFile } = await writeCertificate(folder, names);
    return { key: await readFile(keyFile), cert: await readFile(certificateFile) };
  } finally {
    await rm(folder, { recursive: true });
  }
}
