#!/usr/bin/env node
// Docker for a walk through an account: it has buildx and the containerd image store, pushes only what it has built, to
// the tests' ECR, into a repository that there is, and only when it is logged in.
import { createHash } from 'node:crypto';
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { ask, has, make, need } from '../support/account.ts';

const [command, ...args] = process.argv.slice(2);
const ACTIONS = {
  buildx: () => undefined,
  info: () => console.log('[[driver-type io.containerd.snapshotter.v1]]'),
  login,
  build,
  image,
  push,
};
await ACTIONS[command]();

async function login() {
  if ((await text(process.stdin)) !== 'a-password') throw new Error('unauthorized');
  make('login', args.at(-1));
}

function build() {
  const { values } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      ...{ tag: { type: 'string', multiple: true }, 'build-arg': { type: 'string', multiple: true } },
      ...{ target: { type: 'string' }, output: { type: 'string' }, progress: { type: 'string' } },
      ...{ sbom: { type: 'string' }, provenance: { type: 'string' }, platform: { type: 'string' } },
    },
  });
  for (const tag of values.tag ?? []) if (!has('image', tag)) make('image', tag);
}

function image() {
  const [action, , format] = args;
  const name = args.at(-1);
  if (action === 'ls' && has('image', name)) console.log('0123456789ab');
  if (action === 'inspect' && format?.includes('RepoDigests'))
    console.log(`${name.split(':')[0]}@${digestOf(manifestOf(name))}`);
}

async function push() {
  const [reference] = args;
  const [, registry, repository, tag] = /^([^/]+)\/([^:]+):(.+)$/.exec(reference) ?? [];
  need('image', reference);
  need('login', registry);
  need('repository', repository);
  const imageManifest = manifestOf(reference);
  const imageDigest = digestOf(imageManifest);
  await ask('ECR', 'PutImage', { repositoryName: repository, imageManifest, imageDigest, imageTag: tag });
  if (!has('digest', imageDigest)) make('digest', imageDigest);
}

/** Of all tags of a repository the same. */
function manifestOf(reference) {
  return JSON.stringify({ schemaVersion: 2, config: reference.split(':')[0] });
}

function digestOf(manifest) {
  return `sha256:${createHash('sha256').update(manifest).digest('hex')}`;
}
