import packageJson from '../../package.json' with { type: 'json' };

/** Defined by scripts/bundle.ts; not defined where the sources are run as they are. */
declare const BUILD_COMMIT: string | undefined;

export const VERSION: string = packageJson.version;

export interface Version {
  readonly version: string;
  /** What the bundle was built from; `checkout` where the sources run unbundled. */
  readonly commit: string;
}

export function readVersion(): Version {
  return { version: VERSION, commit: typeof BUILD_COMMIT === 'undefined' ? 'checkout' : BUILD_COMMIT };
}
