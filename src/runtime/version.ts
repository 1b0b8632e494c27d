import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import packageJson from '../../package.json' with { type: 'json' };

/** Filled in by the build; a checkout asks git. */
declare const BUILD_COMMIT: string | undefined;

export const VERSION: string = packageJson.version;

export interface Version {
  readonly version: string;
  readonly commit: string;
}

/** What is running: the package's version, and the commit that it was built from (`unknown` where nobody can say). */
export async function readVersion(): Promise<Version> {
  const commit = typeof BUILD_COMMIT === 'undefined' ? await checkoutCommit() : BUILD_COMMIT;
  return { version: VERSION, commit };
}

async function checkoutCommit(): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)(
      'git',
      ['describe', '--always', '--dirty', '--abbrev=12', '--match='],
      {
        cwd: import.meta.dirname,
      },
    );
    return stdout.trim();
  } catch {
    // No git, or no checkout: the version alone has to do.
    return 'unknown';
  }
}
