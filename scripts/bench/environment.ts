import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeNetworks } from '../../test/support/networks.ts';
import type { S3Process, StoreNetwork } from './s3-process.ts';

/** Where contestants run. */
export interface Environment extends Disposable {
  /** For sh: runs `$INNER` there. */
  readonly command: string;
  /** The store's; undefined: this machine's own. */
  readonly network: StoreNetwork | undefined;
  beforeEach(workdir: string): void;
  bytesOf(store: S3Process, key: string): Promise<number>;
}

const HERE = {
  network: undefined,
  // What is read is in memory: see `warmUp`.
  beforeEach: (workdir: string) =>
    void spawnSync('sh', ['-c', 'find . -type f -exec cat {} + >/dev/null'], { cwd: workdir }),
  bytesOf: (store: S3Process, key: string) => store.bytesOf(key),
};

/** The first cores of this machine. */
export function cores(count: number): Environment {
  return {
    ...HERE,
    command: `exec taskset -c 0-${count - 1} sh -c "$INNER"`,
    [Symbol.dispose]: () => undefined,
  };
}

const GROUPS = '/sys/fs/cgroup';
const isV2 = existsSync(join(GROUPS, 'cgroup.controllers'));

/** A control group with one setting. */
function group(controller: string, version1: [string, string], version2: [string, string]): string {
  const path = join(GROUPS, isV2 ? '' : controller, `craftassist-bench-${process.pid}`);
  if (isV2)
    writeFileSync(join(GROUPS, 'cgroup.subtree_control'), `+${controller === 'blkio' ? 'io' : controller}`);
  mkdirSync(path);
  const [file, value] = isV2 ? version2 : version1;
  writeFileSync(join(path, file), value);
  return path;
}

const entering = (path: string) => `echo 0 >'${path}/cgroup.procs' && exec sh -c "$INNER"`;

/** A container's memory, of which a server takes its part. */
export function memory(mib: number, serverMib: number): Environment {
  const bytes = `${mib * 1024 * 1024}`;
  const path = group('memory', ['memory.limit_in_bytes', bytes], ['memory.max', bytes]);
  const program = `Buffer.alloc(${serverMib} << 20, 1); setInterval(() => undefined, 1e6)`;
  const server = spawn('sh', [
    '-c',
    `echo 0 >'${path}/cgroup.procs' && exec '${process.execPath}' -e '${program}'`,
  ]);
  return {
    ...HERE,
    command: entering(path),
    [Symbol.dispose]() {
      server.kill('SIGKILL');
      server.once('exit', () => rmdirSync(path));
    },
  };
}

/** Files that are on a disk of that speed, and nowhere in memory. */
export function slowDisk(bytesPerSecond: number, folder: string): Environment {
  const { dev } = statSync(folder);
  const device = `${(dev >> 8) & 0xfff}:${dev & 0xff}`;
  const path = group(
    'blkio',
    ['blkio.throttle.read_bps_device', `${device} ${bytesPerSecond}`],
    ['io.max', `${device} rbps=${bytesPerSecond}`],
  );
  return {
    ...HERE,
    command: entering(path),
    beforeEach: () => writeFileSync('/proc/sys/vm/drop_caches', '3'),
    [Symbol.dispose]: () => rmdirSync(path),
  };
}

/** A cable of that rate to the store. */
export function link(rate: string): Environment {
  const networks = makeNetworks();
  const { inside, outside } = networks;
  const [command = '', ...args] = outside.runner;
  execFileSync(command, [
    ...args,
    ...`tc qdisc add dev cable root tbf rate ${rate} burst 32kbit latency 400ms`.split(' '),
  ]);
  return {
    ...HERE,
    command: `exec ${outside.runner.join(' ')} sh -c "$INNER"`,
    network: { runner: inside.runner, host: inside.ipv4 },
    // The store is not in this network.
    bytesOf: async ({ url }, key) => {
      const [command = '', ...args] = inside.runner;
      const head = execFileSync(command, [...args, 'curl', '-sI', `${url}/bucket/${key}`]).toString();
      return Number(/^content-length: (\d+)/im.exec(head)?.[1]);
    },
    [Symbol.dispose]: () => void networks[Symbol.asyncDispose](),
  };
}
