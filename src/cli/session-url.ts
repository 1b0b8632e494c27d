import { parseSessionConfig } from '../config/session.ts';
import type { DestinationUrl, Environment, SessionConfig } from '../config/session-config.ts';
import { splitKey } from '../save/archive-name.ts';
import { openStore } from '../store/open.ts';
import type { RetryObserver } from '../store/retry.ts';
import type { Store } from '../store/store.ts';

/** A session's folder at a destination that somebody has named. */
interface NamedSession {
  readonly destination: Store;
  /** The folder of its key below the destination: `[turk/<id>/]<TIMESTAMP>`. */
  readonly folder: string;
}

/** What the settings of a session say of how to reach a destination and how to pack an archive. */
export function configFor(url: string, env: Environment, cwd: string): SessionConfig {
  const given = { ...env, SESSION_DESTINATION: url, CRAFTASSIST_NO_UPLOAD: undefined };
  return parseSessionConfig(given, { cwd, terminal: false, now: new Date() }).config;
}

/** Opens what `s3://bucket/prefix/TIMESTAMP`, a file URL or a path names. @throws {ConfigError} for a bad one. */
export async function openNamedSession(
  { save }: SessionConfig,
  observer: RetryObserver,
): Promise<NamedSession> {
  const { root, folder } = splitPlace(save.destination);
  return { destination: await openStore(root, { s3: save.s3, ...observer }), folder };
}

function splitPlace(place: DestinationUrl): { root: DestinationUrl; folder: string } {
  const whole = place.kind === 's3' ? place.prefix : place.path;
  const { parent, folder } = splitKey(whole);
  return {
    root: place.kind === 's3' ? { ...place, prefix: parent } : { ...place, path: parent || '/' },
    folder,
  };
}
