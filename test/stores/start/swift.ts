import { mkdir, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { freePorts } from '../../support/free-port.ts';
import { type Daemons, openDaemons } from './daemons.ts';
import type { StartedStore } from './store.ts';

const KINDS = ['account', 'container', 'object'] as const;

/**
 * Starts OpenStack Swift with its S3 API: one server of each kind, each one process, and the memcached that its
 * authentication wants. https://docs.openstack.org/swift/latest/development_saio.html
 */
export async function startSwift(): Promise<StartedStore> {
  const ports = await freePorts(KINDS.length + 2);
  const daemons = await openDaemons('swift', { PYTHONDONTWRITEBYTECODE: '1' });
  try {
    await start(daemons, ports);
    const url = `http://127.0.0.1:${ports}`;
    await daemons.answered(`${url}/healthcheck`);
    return {
      about: { kind: 'swift', url, owner: OWNER, session: SESSION },
      [Symbol.asyncDispose]: () => daemons[Symbol.asyncDispose](),
    };
  } catch (error) {
    await daemons[Symbol.asyncDispose]();
    throw error;
  }
}

const OWNER = { user: 'owner', accessKey: 'test:owner', secretKey: 'ownersecret' };
const SESSION = { user: 'session', accessKey: 'test:session', secretKey: 'sessionsecret' };

async function start(daemons: Daemons, ports: number): Promise<void> {
  const { folder } = daemons;
  const memcached = ports + KINDS.length + 1;
  const fileOf = (server: string) => join(folder, `${server}-server.conf`);
  await mkdir(join(folder, 'devices/d1'), { recursive: true });
  // Taken in place of /etc/swift/swift.conf, because the servers are given this folder as their swift_dir.
  await writeFile(join(folder, 'swift.conf'), '[swift-hash]\nswift_hash_path_suffix = tests\n');
  for (const [index, kind] of KINDS.entries())
    await writeFile(fileOf(kind), storage(folder, kind, ports + 1 + index));
  await writeFile(fileOf('proxy'), proxy(folder, ports, memcached));
  await daemons.run('/usr/bin/python3', join(import.meta.dirname, 'swift-rings.py'), folder, `${ports + 1}`);
  const user = userInfo().username;
  daemons.start('memcached', '-p', `${memcached}`, '-U', '0', '-l', '127.0.0.1', '-u', user);
  for (const kind of [...KINDS, 'proxy']) daemons.start(`swift-${kind}-server`, fileOf(kind), '-v');
}

function common(folder: string, port: number): string {
  return `[DEFAULT]
bind_ip = 127.0.0.1
bind_port = ${port}
user = ${userInfo().username}
workers = 0
swift_dir = ${folder}
devices = ${folder}/devices
mount_check = false
disable_fallocate = true
recon_cache_path = ${folder}
recon_lock_path = ${folder}
`;
}

function storage(folder: string, kind: string, port: number): string {
  return `${common(folder, port)}
[pipeline:main]
pipeline = ${kind}-server
[app:${kind}-server]
use = egg:swift#${kind}
`;
}

const FILTERS = [
  ...['catch_errors', 'gatekeeper', 'healthcheck', 'cache', 'listing_formats', 's3api', 'tempauth'],
  ...['bulk', 'copy', 'slo', 'dlo', 'versioned_writes', 'symlink'],
];

const FILTER_OPTIONS: Readonly<Record<string, readonly string[]>> = {
  s3api: ['location = us-east-1'],
  tempauth: [
    `user_test_${OWNER.user} = ${OWNER.secretKey} .admin`,
    `user_test_${SESSION.user} = ${SESSION.secretKey}`,
  ],
  versioned_writes: ['allow_versioned_writes = true'],
};

function proxy(folder: string, port: number, memcached: number): string {
  const filters = FILTERS.map(name => {
    const use = name === 'cache' ? 'memcache' : name;
    const options = name === 'cache' ? [`memcache_servers = 127.0.0.1:${memcached}`] : FILTER_OPTIONS[name];
    return [`[filter:${name}]`, `use = egg:swift#${use}`, ...(options ?? [])].join('\n');
  });
  return `${common(folder, port)}
[pipeline:main]
pipeline = ${FILTERS.join(' ')} proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
${filters.join('\n')}
`;
}
