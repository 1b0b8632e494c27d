#!/usr/bin/env node
import { parseArgs } from 'node:util';
import { startS3Server } from './s3-server.ts';
import { tlsIdentity } from './tls.ts';

/** The tests' S3 as a process of its own. Prints `{"url":"http://…"}` on one line, and serves until it is killed. */
const { values } = parseArgs({
  options: {
    host: { type: 'string', default: '127.0.0.1' },
    port: { type: 'string', default: '0' },
    bucket: { type: 'string', multiple: true, default: ['bucket'] },
    region: { type: 'string' },
    discard: { type: 'boolean', default: false },
    'no-digests': { type: 'boolean', default: false },
    tls: { type: 'boolean', default: false },
  },
});

const server = await startS3Server({
  host: values.host,
  port: Number(values.port),
  buckets: values.bucket,
  keepBodies: !values.discard,
  digests: !values['no-digests'],
  tls: values.tls ? tlsIdentity() : undefined,
  ...(values.region === undefined ? {} : { region: values.region }),
});
process.stdout.write(`${JSON.stringify({ url: server.url })}\n`);
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void server.close());
