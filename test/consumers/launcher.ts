import { gzipSync } from 'node:zlib';

/** What the launchers of before hand the container as its script. @param lines those of it that say where the data goes */
export function launcherScript(...lines: readonly string[]): string {
  return gzipSync(lines.join('\n')).toString('base64');
}

/** The lines of the crowd-sourcing pipeline's script. */
export const PIPELINE_SCRIPT = launcherScript(
  '#!/bin/bash -x',
  'S3_DEST=s3://droidlet-hitl',
  'if test -f "turk_experiment_id.txt"; then',
  '    TURK_EXPERIMENT_ID="$(cat turk_experiment_id.txt)"',
  'fi',
  'S3_DEST="$S3_DEST/$TURK_EXPERIMENT_ID/interaction"',
  'S3_DEST="$S3_DEST/$TIMESTAMP"',
);

/** What the pipeline launches a session of a batch with: RunTask's overrides, and nothing that says SESSION_…. */
export interface Launch {
  readonly batch: string;
  readonly timestamp: string;
  readonly accessKey: string;
  readonly secretKey: string;
}

/**
 * The container's environment by allocate_instances.py, launch_instance (read in facebookresearch/fairo): whatever is
 * not set where the launcher runs is handed over empty.
 */
export function launchEnvironment({ batch, timestamp, accessKey, secretKey }: Launch) {
  const overrides = [
    { name: 'RUN_SH_GZ_B64', value: PIPELINE_SCRIPT },
    { name: 'AWS_ACCESS_KEY_ID', value: accessKey },
    { name: 'AWS_SECRET_ACCESS_KEY', value: secretKey },
    { name: 'TIMESTAMP', value: timestamp },
    { name: 'SENTRY_DSN', value: '' },
    { name: 'CLOUDFLARE_TOKEN', value: '' },
    { name: 'CLOUDFLARE_ZONE_ID', value: '' },
    { name: 'TURK_EXPERIMENT_ID', value: batch },
  ];
  return Object.fromEntries(overrides.map(({ name, value }) => [name, value]));
}
