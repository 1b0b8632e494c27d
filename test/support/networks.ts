import { execFileSync, spawnSync } from 'node:child_process';

/** Two networks of a test's own with one cable between them: whoever is in one is outside for the other. */
export interface Networks extends AsyncDisposable {
  readonly inside: Network;
  readonly outside: Network;
}

export interface Network {
  /** The command that runs another one in it. */
  readonly runner: readonly string[];
  readonly ipv4: string;
  readonly ipv6: string;
}

/** Whether this user may make networks: root may, but for some containers. */
export function canMakeNetworks(): boolean {
  const probe = `probe-${process.pid}`;
  const made = spawnSync('ip', ['netns', 'add', probe]).status === 0;
  if (made) ip('netns', 'delete', probe);
  return made;
}

let made = 0;

export function makeNetworks(): Networks {
  made += 1;
  const network = (name: string, host: number) => ({
    name: `${name}-${process.pid}-${made}`,
    ipv4: `10.213.77.${host}`,
    ipv6: `fd00:77::${host}`,
  });
  const [inside, outside] = [network('inside', 1), network('outside', 2)];
  for (const { name } of [inside, outside]) ip('netns', 'add', name);
  ip(
    'link',
    'add',
    'cable',
    'netns',
    inside.name,
    'type',
    'veth',
    'peer',
    'name',
    'cable',
    'netns',
    outside.name,
  );
  for (const { name, ipv4, ipv6 } of [inside, outside]) {
    ip('-n', name, 'address', 'add', `${ipv4}/24`, 'dev', 'cable');
    ip('-n', name, 'address', 'add', `${ipv6}/64`, 'dev', 'cable', 'nodad');
    for (const device of ['lo', 'cable']) ip('-n', name, 'link', 'set', device, 'up');
  }
  const runnerOf = ({ name, ipv4, ipv6 }: typeof inside) => ({
    ...{ ipv4, ipv6 },
    runner: ['ip', 'netns', 'exec', name],
  });
  return {
    inside: runnerOf(inside),
    outside: runnerOf(outside),
    async [Symbol.asyncDispose]() {
      for (const { name } of [inside, outside]) ip('netns', 'delete', name);
    },
  };
}

function ip(...args: string[]): void {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'inherit'] });
}
