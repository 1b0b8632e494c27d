import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * How many processes of this container (control group) the kernel has killed because memory ran out. A child that was
 * ended by SIGKILL was one of them if the number has grown since before it started.
 *
 * The counts are described in the kernel's cgroup-v2.rst (`memory.events`) and cgroup-v1/memory.rst
 * (`memory.oom_control`, since Linux 4.13).
 *
 * @param root the folder that holds `proc` and `sys`
 * @returns undefined where the kernel offers no count
 */
export async function readOomKills(root = '/'): Promise<number | undefined> {
  const memberships = parseMemberships(await read(join(root, 'proc/self/cgroup')));
  const mounts = parseMounts(await read(join(root, 'proc/self/mountinfo')));
  for (const mount of mounts) {
    const group = memberships.get(mount.version === 2 ? '' : 'memory');
    if (group === undefined) continue;
    const file = mount.version === 2 ? 'memory.events' : 'memory.oom_control';
    for (const folder of foldersOf(group, mount)) {
      const count = /^oom_kill (\d+)$/m.exec(await read(join(root, folder, file)))?.[1];
      if (count !== undefined) return Number(count);
    }
  }
  return undefined;
}

interface Mount {
  readonly version: 1 | 2;
  /** The control group that is at the mount point. */
  readonly group: string;
  readonly mountPoint: string;
}

/** Lines such as `4:memory:/docker/f00` and, in version 2, `0::/`; see cgroups(7). */
function parseMemberships(cgroup: string): ReadonlyMap<string, string> {
  const memberships = cgroup.split('\n').flatMap(line => {
    const [, controllers = '', group] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    return group === undefined ? [] : controllers.split(',').map(controller => [controller, group] as const);
  });
  return new Map(memberships);
}

/** Lines such as `35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory`; see proc_pid_mountinfo(5). */
function parseMounts(mountinfo: string): readonly Mount[] {
  return mountinfo.split('\n').flatMap((line): Mount[] => {
    const [place = '', source = ''] = line.split(' - ');
    const [, , , group = '/', mountPoint = '/'] = place.split(' ').map(unescapeOctal);
    const [type, , options = ''] = source.split(' ');
    if (type === 'cgroup2') return [{ version: 2, group, mountPoint }];
    const isMemory = type === 'cgroup' && options.split(',').includes('memory');
    return isMemory ? [{ version: 1, group, mountPoint }] : [];
  });
}

/** Where a control group's files are; inside a container its own group is the mount point, whatever its name. */
function foldersOf(group: string, mount: Mount): readonly string[] {
  const below = group.startsWith(mount.group) ? group.slice(mount.group.length) : group;
  return [join(mount.mountPoint, below), mount.mountPoint];
}

function unescapeOctal(field: string): string {
  return field.replaceAll(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}

/** A file that is missing or not readable has no count. */
async function read(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '');
}
