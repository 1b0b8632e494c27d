import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';

/** Whether this user may mount in a namespace of its own: not in every container. */
export function canMount(): boolean {
  return spawnSync('unshare', ['-rm', 'mount', '-t', 'tmpfs', 'none', tmpdir()]).status === 0;
}
