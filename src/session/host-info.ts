import type { Environment } from '../config/session-config.ts';
import { readOomKills } from '../process/oom.ts';
import { type EcsTask, readEcsTask } from '../runtime/ecs-metadata.ts';
import type { Log } from '../runtime/log.ts';
import { readVersion, type Version } from '../runtime/version.ts';

/** What the report tells of the machine. */
export interface HostInfo {
  readonly version: Version;
  /** The commit of the bot, as the image tells it. */
  readonly droidlet: string | undefined;
  /** undefined: not on ECS, or its metadata endpoint did not answer. */
  readonly ecs: EcsTask | undefined;
  /** Out-of-memory kills in the container while the session lasted; undefined: nobody counts them here. */
  readonly oomKills: number | undefined;
}

/**
 * Starts to collect it, beside the session's start.
 * @returns what completes it at the session's end
 */
export function collectHostInfo(
  { ECS_CONTAINER_METADATA_URI_V4: metadataUri, DROIDLET_COMMIT: droidlet }: Environment,
  log: Log,
): () => Promise<HostInfo> {
  const version = readVersion();
  const oomKillsBefore = readOomKills();
  const ecs =
    metadataUri === undefined
      ? undefined
      : readEcsTask(metadataUri).catch(error => {
          log.warn({ event: 'ecs_metadata_unavailable', err: error }, 'ECS metadata not available');
          return undefined;
        });
  return async () => {
    const before = await oomKillsBefore;
    const after = await readOomKills();
    const oomKills = before === undefined || after === undefined ? undefined : after - before;
    return { version, droidlet: droidlet || undefined, ecs: await ecs, oomKills };
  };
}
