import { randomUUID } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePorts } from '../../support/free-port.ts';
import { type Daemons, openDaemons } from './daemons.ts';
import type { StartedStore } from './store.ts';

/** So many ports the OSD may listen on: one for each of its messengers. */
const OSD_PORTS = 8;

/**
 * Starts Ceph's object gateway with all that it needs: one monitor and one OSD, which keeps its objects in memory.
 * https://docs.ceph.com/en/pacific/install/manual-deployment/
 */
export async function startCeph(): Promise<StartedStore> {
  const [gateway, monitor] = [await freePorts(1), await freePorts(1)];
  const daemons = await openDaemons('ceph', {});
  try {
    await start(daemons, { gateway, monitor, osd: await freePorts(OSD_PORTS) });
    const url = `http://127.0.0.1:${gateway}`;
    await daemons.answered(url);
    // One after the other: both would make the same pools.
    for (const { user, accessKey, secretKey } of [OWNER, SESSION])
      await daemons.run(
        ...['radosgw-admin', '--conf', confOf(daemons), 'user', 'create', '--uid', user],
        ...['--display-name', user, '--access-key', accessKey, '--secret-key', secretKey],
      );
    return {
      about: { kind: 'ceph', url, owner: OWNER, session: SESSION },
      [Symbol.asyncDispose]: () => daemons[Symbol.asyncDispose](),
    };
  } catch (error) {
    await daemons[Symbol.asyncDispose]();
    throw error;
  }
}

const OWNER = { user: 'owner', accessKey: 'OWNERKEY', secretKey: 'ownersecret' };
const SESSION = { user: 'session', accessKey: 'SESSIONKEY', secretKey: 'sessionsecret' };

interface Ports {
  readonly gateway: number;
  readonly monitor: number;
  /** The first of so many. */
  readonly osd: number;
}

const confOf = ({ folder }: Daemons) => join(folder, 'ceph.conf');

async function start(daemons: Daemons, ports: Ports): Promise<void> {
  const { folder, run } = daemons;
  const [cluster, osd] = [randomUUID(), randomUUID()];
  const conf = ['--conf', confOf(daemons)];
  for (const name of ['mon', 'osd', 'rgw']) await mkdir(join(folder, name));
  await writeFile(confOf(daemons), configuration(folder, cluster, ports));
  await writeFile(join(folder, 'keyring'), keyring((await run('ceph-authtool', '--gen-print-key')).trim()));
  const address = `[v2:127.0.0.1:${ports.monitor}]`;
  const map = join(folder, 'monmap');
  await run('monmaptool', '--create', '--fsid', cluster, '--addv', 'a', address, map);
  await run('ceph-mon', ...conf, '-i', 'a', '--mkfs', '--monmap', map, '--keyring', join(folder, 'keyring'));
  daemons.start('ceph-mon', ...conf, '-i', 'a', '-f');
  await run('ceph', ...conf, 'osd', 'new', osd, '0');
  await run('ceph-osd', ...conf, '-i', '0', '--mkfs', '--osd-uuid', osd);
  daemons.start('ceph-osd', ...conf, '-i', '0', '-f');
  daemons.start('radosgw', ...conf, '-n', 'client.rgw', '-f');
}

/** One key for all of them, who may do everything. */
function keyring(key: string): string {
  return ['mon.', 'osd.0', 'client.admin', 'client.rgw']
    .map(name => `[${name}]\nkey = ${key}\ncaps mon = "allow *"\ncaps osd = "allow *"\n`)
    .join('');
}

function configuration(folder: string, cluster: string, { gateway, monitor, osd }: Ports): string {
  return `[global]
fsid = ${cluster}
mon host = [v2:127.0.0.1:${monitor}]
keyring = ${folder}/keyring
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd crush chooseleaf type = 0
mon allow pool size one = true
osd objectstore = memstore
memstore device bytes = 4294967296
ms bind ipv6 = false
ms bind msgr1 = false
public addr = 127.0.0.1
cluster addr = 127.0.0.1
run dir = ${folder}
log file = ${folder}/$name.log
admin socket = ${folder}/$name.asok
crash dir = ${folder}
[mon]
mon data = ${folder}/mon
paxos propose interval = 0.02
paxos min wait = 0.02
auth allow insecure global id reclaim = false
[osd]
osd data = ${folder}/osd
ms bind port min = ${osd}
ms bind port max = ${osd + OSD_PORTS - 1}
[client.rgw]
keyring = ${folder}/keyring
rgw data = ${folder}/rgw
rgw frontends = beast endpoint=127.0.0.1:${gateway}
rgw enable apis = s3, admin
rgw run sync thread = false
`;
}
